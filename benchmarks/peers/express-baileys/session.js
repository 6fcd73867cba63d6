/**
 * One number's WhatsApp session on Baileys: pairs, keeps its keys in a directory, and comes back after a restart or a
 * lost connection. It stays down once it was replaced or logged out: to come back then would start a fight, or nothing.
 *
 * Events: `qr` (text), `paired`, `open`, `closed` (status code or null, whether for good), `message`, `status` and
 * `credentials` (Baileys' own objects, for what came in, what became of what was sent, and what changed of the account).
 */
import { EventEmitter } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'

import { DisconnectReason, makeCacheableSignalKeyStore, makeWASocket, useMultiFileAuthState } from 'baileys'
import pino from 'pino'

const FOR_GOOD = new Set([
  DisconnectReason.connectionReplaced,
  DisconnectReason.loggedOut,
  DisconnectReason.forbidden,
  DisconnectReason.multideviceMismatch
])
const RECONNECT_MILLISECONDS = [500, 1000, 2000, 5000, 10_000]

/** False for what the account's own devices tell each other, such as the key to shared settings. */
const isWritten = ({ category }) => category !== 'peer'

export class NotConnected extends Error {}

export class Session extends EventEmitter {
  #logger = pino({ level: process.env.LOG_LEVEL ?? 'fatal' }, pino.destination({ dest: 2, sync: false }))
  #auth
  #agent
  #saveCredentials
  #socket
  #open = false
  #stopped = false
  #failures = 0

  /** Returns the session whose keys are in `directory`, not connected yet; `agent` dials WhatsApp. */
  static async load (directory, agent) {
    const { state, saveCreds } = await useMultiFileAuthState(directory)
    return new Session(state, saveCreds, agent)
  }

  constructor (state, saveCredentials, agent) {
    super()
    this.#auth = { creds: state.creds, keys: makeCacheableSignalKeyStore(state.keys, this.#logger) }
    this.#saveCredentials = saveCredentials
    this.#agent = agent
  }

  connect () {
    const socket = makeWASocket({
      agent: this.#agent,
      auth: this.#auth,
      logger: this.#logger,
      emitOwnEvents: false,
      fetchAgent: this.#agent,
      markOnlineOnConnect: false,
      shouldSyncHistoryMessage: () => false,
      syncFullHistory: false
    })
    socket.ev.on('creds.update', this.#saveCredentials)
    socket.ev.on('creds.update', (update) => this.emit('credentials', update))
    socket.ev.on('connection.update', (update) => this.#connectionChanged(update))
    socket.ev.on('messages.upsert', ({ messages }) => {
      messages.filter(isWritten).forEach((message) => this.emit('message', message))
    })
    socket.ev.on('messages.update', (updates) => updates.forEach((update) => this.emit('status', update)))
    this.#socket = socket
  }

  /** Sends `content` as Baileys has it to a phone number (E.164); resolves to its id when the socket has taken it. */
  async send (to, content) {
    const { key } = await this.connected.sendMessage(`${to.replace('+', '')}@s.whatsapp.net`, content)
    return key.id
  }

  /** Asks for a code to type on the phone of this number (E.164), instead of the QR code on offer. */
  requestPairCode (phoneNumber) {
    return this.#socket.requestPairingCode(phoneNumber.replace('+', ''))
  }

  /** Baileys' socket, for the rest of what it can. Throws NotConnected. */
  get connected () {
    if (!this.#open) throw new NotConnected('the session is not connected')
    return this.#socket
  }

  /** Closes the connection; resolves when the keys are on disk, so that the process may end. */
  async stop () {
    this.#stopped = true
    await this.#socket.end()
    await this.#saveCredentials()
  }

  async #connectionChanged ({ connection, isNewLogin, lastDisconnect, qr }) {
    if (qr) this.emit('qr', qr)
    if (isNewLogin) this.emit('paired')
    if (connection === 'open') {
      this.#open = true
      this.#failures = 0
      this.emit('open')
    }
    if (connection === 'close') await this.#closed(lastDisconnect?.error?.output?.statusCode ?? null)
  }

  async #closed (statusCode) {
    this.#open = false
    const forGood = this.#stopped || FOR_GOOD.has(statusCode)
    this.emit('closed', statusCode, forGood)
    if (forGood) return
    if (statusCode !== DisconnectReason.restartRequired) {
      await delay(RECONNECT_MILLISECONDS[Math.min(this.#failures++, RECONNECT_MILLISECONDS.length - 1)])
    }
    if (!this.#stopped) this.connect()
  }
}
