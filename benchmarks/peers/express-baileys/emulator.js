/**
 * Leads Baileys to an emulator on this machine instead of WhatsApp: a proxy to dial, and the root key of the noise
 * certificates. The third belief, the authority behind TLS, is Node's own: NODE_EXTRA_CA_CERTS.
 *
 *   EMULATOR_WIRE      host:port on loopback
 *   EMULATOR_ROOT_KEY  32 bytes in hexadecimal digits
 */
import { WA_CERT_DETAILS } from 'baileys'
import { HttpsProxyAgent } from 'https-proxy-agent'

/** Returns the agent that dials the emulator; from now on this process believes no other WhatsApp. */
export function ledToEmulator ({ EMULATOR_WIRE: wire, EMULATOR_ROOT_KEY: rootKey } = process.env) {
  const { hostname } = new URL(`http://${wire}`)
  if (hostname !== '127.0.0.1' && hostname !== '[::1]') {
    throw new Error(`the emulator must be on loopback; EMULATOR_WIRE is ${wire}`)
  }
  const publicKey = Buffer.from(rootKey ?? '', 'hex')
  if (publicKey.length !== 32) {
    throw new Error(`EMULATOR_ROOT_KEY has ${publicKey.length} bytes, it must have 32`)
  }
  WA_CERT_DETAILS.PUBLIC_KEY = publicKey
  return new HttpsProxyAgent(`http://${wire}`)
}
