/**
 * Baileys by itself: a process that pairs on the emulator, then sends in a loop when it is told to.
 *
 *   AUTH_DIRECTORY  where the session keeps its keys
 *
 * and what `emulator.js` needs. Tells its parent `qr` (the text) and `connected`; a line {callers, count, recipients} is
 * answered by {latencies: [seconds], elapsed: seconds}.
 */
import { performance } from 'node:perf_hooks'

import { ledToEmulator } from './emulator.js'
import { onLine, tell } from './lines.js'
import { Session } from './session.js'

const session = await Session.load(process.env.AUTH_DIRECTORY, ledToEmulator())
session.on('qr', (qr) => tell({ qr }))
session.on('open', () => tell({ connected: true }))
session.on('closed', (statusCode) => tell({ closed: statusCode }))

const seconds = () => performance.now() / 1000

async function measure ({ callers, count, recipients }) {
  const latencies = []
  let next = 0
  const caller = async () => {
    while (next < count) {
      const recipient = recipients[next++ % recipients.length]
      const started = seconds()
      await session.send(recipient, { text: 'See you tomorrow at 18:30.' })
      latencies.push(seconds() - started)
    }
  }
  const started = seconds()
  await Promise.all(Array.from({ length: callers }, caller))
  tell({ latencies, elapsed: seconds() - started })
}

session.connect()
onLine(measure, () => session.stop())
