/**
 * One JSON object a line: standard output tells the parent process what happened, standard input asks.
 * What libraries print (libsignal prints sessions) goes to standard error. When the input ends the process stops, so that
 * no child outlives its parent.
 */
import { Console } from 'node:console'
import { createInterface } from 'node:readline'

globalThis.console = new Console(process.stderr, process.stderr)

export const tell = (event) => process.stdout.write(`${JSON.stringify(event)}\n`)

export const onLine = (handle, stop) => {
  const lines = createInterface({ input: process.stdin })
  lines.on('line', (line) => handle(JSON.parse(line)))
  lines.on('close', async () => {
    await stop()
    process.exit(0)
  })
}
