/**
 * Baileys as a test drives it: what happens is told on standard output, what it shall do is read from standard input.
 * One JSON object a line; the first key of what is told names the event.
 *
 *   AUTH_DIRECTORY  where the session keeps its keys
 *
 * and what `emulator.js` needs.
 *
 *   {"do": "send", "to": "+12025550142", "text": "Hello"}  ->  {"answer": "3EB0..."}, or {"error": "..."}
 */
import { downloadMediaMessage } from 'baileys'
import { fetch, ProxyAgent, setGlobalDispatcher } from 'undici'

import { ledToEmulator } from '../../../benchmarks/peers/express-baileys/emulator.js'
import { onLine, tell } from '../../../benchmarks/peers/express-baileys/lines.js'
import { Session } from '../../../benchmarks/peers/express-baileys/session.js'

// Baileys downloads by the global fetch, which knows neither proxy nor agent: nothing may leave this machine.
setGlobalDispatcher(new ProxyAgent(`http://${process.env.EMULATOR_WIRE}`))
globalThis.fetch = fetch

const received = new Map()
const session = await Session.load(process.env.AUTH_DIRECTORY, ledToEmulator())

session.on('qr', (qr) => tell({ qr }))
session.on('paired', () => tell({ paired: true }))
session.on('open', () => tell({ connected: true, me: session.connected.user }))
session.on('credentials', ({ me, myAppStateKeyId }) => {
  if (myAppStateKeyId) tell({ settingsKey: myAppStateKeyId })
  if (me?.name) tell({ named: me.name })
})
session.on('closed', (statusCode, forGood) => tell({ closed: statusCode, forGood }))
session.on('message', (message) => {
  received.set(message.key.id, message)
  tell({ message })
})
session.on('status', ({ key, update }) => tell({ status: update.status, id: key.id, chat: key.remoteJid }))

const actions = {
  send: ({ to, text }) => session.send(to, { text }),
  sendDocument: ({ to, data, fileName, mimetype }) => session.send(to, {
    document: Buffer.from(data, 'base64'), fileName, mimetype
  }),
  download: async ({ id }) => (await downloadMediaMessage(received.get(id), 'buffer')).toString('base64'),
  read: ({ keys }) => session.connected.readMessages(keys),
  type: ({ chat }) => session.connected.sendPresenceUpdate('composing', chat),
  areOnWhatsApp: ({ numbers }) => session.connected.onWhatsApp(...numbers),
  requestPairCode: ({ phoneNumber }) => session.requestPairCode(phoneNumber),
  rename: ({ name }) => session.connected.updateProfileName(name),
  logout: () => session.connected.logout()
}

session.connect()
onLine(async ({ do: action, ...options }) => {
  try {
    tell({ answer: (await actions[action](options)) ?? null })
  } catch (error) {
    tell({ error: error.message })
  }
}, () => session.stop())
