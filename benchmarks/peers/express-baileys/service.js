/**
 * The service that holds WhatsApp sessions: `POST /send {companyId, to, text}` -> `{messageId}`.
 *
 *   COMPANY_ID      the company whose session this process holds
 *   AUTH_DIRECTORY  where the session keeps its keys
 *   PORT            0 takes a free one (default)
 *
 * and what `emulator.js` needs. Tells its parent `listening` (the port), `qr` (the text), `connected` and `closed` (the status code).
 */
import express from 'express'

import { ledToEmulator } from './emulator.js'
import { onLine, tell } from './lines.js'
import { NotConnected, Session } from './session.js'

const { AUTH_DIRECTORY, COMPANY_ID, PORT = '0' } = process.env

const session = await Session.load(AUTH_DIRECTORY, ledToEmulator())
const sessions = new Map([[Number(COMPANY_ID), session]])
session.on('qr', (qr) => tell({ qr }))
session.on('open', () => tell({ connected: true }))
session.on('closed', (statusCode) => tell({ closed: statusCode }))

const app = express()
app.disable('etag')
app.disable('x-powered-by')
app.use(express.json())

app.post('/send', async (request, response) => {
  const { companyId, to, text } = request.body
  if (typeof to !== 'string' || typeof text !== 'string') {
    return response.status(400).json({ error: 'to and text must be strings' })
  }
  const session = sessions.get(companyId)
  if (!session) return response.status(404).json({ error: `no session of company ${companyId}` })
  response.json({ messageId: await session.send(to, { text }) })
})

app.use((error, _request, response, _next) => {
  const status = error instanceof NotConnected ? 503 : error.status ?? 500
  response.status(status).json({ error: error.message })
})

const server = app.listen(Number(PORT), '127.0.0.1', () => tell({ listening: server.address().port }))
server.keepAliveTimeout = 65_000 // longer than the API lets a connection idle, so that none closes under a request
session.connect()
onLine(() => {}, () => session.stop())
