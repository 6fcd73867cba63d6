/**
 * One number's WhatsApp session on Baileys: pairs, keeps its keys in a directory, and comes back after a restart or a
 * lost connection. It stays down once it was replaced or logged out: to come back then would start a fight, or nothing.
 *
 * Events: `qr` (text), `paired`, `open`, `closed` (status code; final or not), `message`, `status` (of a sent message).
 */
import { EventEmitter } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'

import {
  Browsers, DisconnectReason, fetchLatestBaileysVersion, makeCacheableSignalKeyStore, makeWASocket, useMultiFileAuthState
} from 'baileys'

const FINAL = new Set([
  DisconnectReason.connectionReplaced, DisconnectReason.loggedOut, DisconnectReason.forbidden,
  DisconnectReason.multideviceMismatch
])
const RECONNECT_MILLISECONDS = [500, 1000, 2000, 5000, 10000]

export class Session extends EventEmitter {
  #directory
  #agent
  #logger
  #socket
  #open = false
  #stopped = false
  #failures = 0
  #sent = new Map()

  constructor ({ directory, agent, logger }) {
    super()
    this.#directory = directory
    this.#agent = agent
    this.#logger = logger
  }
}
