/**
 * The public API: `POST /send {companyId, to, text}` is checked and handed to the service that holds the sessions.
 *
 *   SERVICE_URL  where that service listens
 *   PORT         0 takes a free one (default)
 *
 * Tells its parent `listening` (the port).
 */
import { Agent } from 'node:http'

import axios from 'axios'
import express from 'express'

import { onLine, tell } from './lines.js'

const { PORT = '0', SERVICE_URL } = process.env

const service = axios.create({
  baseURL: SERVICE_URL,
  httpAgent: new Agent({ keepAlive: true }),
  proxy: false,
  timeout: 30_000
})

const app = express()
app.disable('etag')
app.disable('x-powered-by')
app.use(express.json())

app.post('/send', async (request, response) => {
  const { companyId, to, text } = request.body
  if (!Number.isSafeInteger(companyId) || companyId <= 0) {
    return response.status(400).json({ error: `invalid company id: ${companyId}` })
  }
  const { data } = await service.post('/send', { companyId, to, text })
  response.json(data)
})

app.use((error, _request, response, _next) => {
  const status = error.response?.status ?? error.status ?? 502
  response.status(status).json(error.response?.data ?? { error: error.message })
})

const server = app.listen(Number(PORT), '127.0.0.1', () => tell({ listening: server.address().port }))
onLine(() => {}, () => server.close())
