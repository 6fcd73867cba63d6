/**
 * One JSON object a line: standard output tells the parent process what happened, standard input asks.
 * What libraries print (libsignal prints sessions) goes to standard error. Ends the process when its input ends, so that
 * no child outlives its parent.
 */
import { Console } from 'node:console'
import { createInterface } from 'node:readline'

globalThis.console = new Console(process.stderr, process.stderr)

export const tell = (event) => process.stdout.write(`${JSON.stringify(event)}\n`)

export const onLine = (handle = () => {}) => {
  const lines = createInterface({ input: process.stdin })
  lines.on('line', (line) => handle(JSON.parse(line)))
  lines.on('close', () => process.exit(0))
}
