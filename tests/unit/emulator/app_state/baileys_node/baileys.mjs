// What Baileys computes for app state; used by record.py, with BAILEYS naming the directory of its package.
// Reads one JSON object from stdin: the sync key, bytes to hash, and patches made by the emulator in their order.
import { resolve } from 'node:path'
import { text } from 'node:stream/consumers'

const load = (path) => import(resolve(process.env.BAILEYS, path))
const { decodePatches, encodeSyncdPatch, newLTHashState } = await load('lib/Utils/chat-utils.js')
const { LT_HASH_ANTI_TAMPERING } = await load('lib/Utils/lt-hash.js')
const { proto } = await load('WAProto/index.js')
const { expandAppStateKeys } = await import(resolve(process.env.BAILEYS, '../whatsapp-rust-bridge/dist/index.js'))

const hex = (bytes) => Buffer.from(bytes).toString('hex')
const bytes = (digits) => Buffer.from(digits, 'hex')
const { SET, REMOVE } = proto.SyncdMutation.SyncdOperation

const asked = JSON.parse(await text(process.stdin))
const keyId = bytes(asked.key.id).toString('base64')
const getKey = async (id) => id === keyId ? { keyData: bytes(asked.key.data) } : undefined
const name = asked.collection

const expanded = expandAppStateKeys(bytes(asked.key.data))
const keys = [
  expanded.indexKey, expanded.valueEncryptionKey, expanded.valueMacKey, expanded.snapshotMacKey, expanded.patchMacKey
]

const hashes = asked.hashes.map(({ base, subtract, add }) => ({
  base,
  subtract,
  add,
  hash: hex(LT_HASH_ANTI_TAMPERING.subtractThenAdd(bytes(base), subtract.map(bytes), add.map(bytes)))
}))

const changes = [
  { index: ['setting_pushName'], value: { pushNameSetting: { name: 'Salon' } }, version: 1, operation: SET },
  { index: ['mute', '12025550111@s.whatsapp.net'], value: { muteAction: { muted: true } }, version: 2, operation: SET },
  { index: ['setting_pushName'], value: { pushNameSetting: { name: 'Café "Ü" <&>' } }, version: 1, operation: SET },
  { index: ['mute', '12025550111@s.whatsapp.net'], value: {}, version: 2, operation: REMOVE }
]
const theirs = []
let state = newLTHashState()
for (const { index, value, version, operation } of changes) {
  const syncAction = { ...value, timestamp: 1767268800000 }
  const made = await encodeSyncdPatch(
    { type: name, index, syncAction, apiVersion: version, operation }, keyId, state, getKey
  )
  // What it keeps as its state after a removal is wrong (it lists what it removed); the patch itself is right.
  state = made.state
  theirs.push({
    patch: hex(proto.SyncdPatch.encode({ ...made.patch, version: { version: state.version } }).finish()),
    index,
    name: value.pushNameSetting?.name ?? '',
    remove: operation === REMOVE,
    version: state.version,
    hash: hex(state.hash)
  })
}

const ours = []
let known = newLTHashState()
for (const patch of asked.patches) {
  const { state: after, mutationMap } = await decodePatches(
    name, [proto.SyncdPatch.decode(bytes(patch))], known, getKey, {}, undefined, undefined, true
  )
  known = after
  ours.push({
    patch,
    read: Object.values(mutationMap).map(({ index, syncAction }) => [index, syncAction.value?.pushNameSetting?.name ?? '']),
    version: known.version,
    hash: hex(known.hash)
  })
}
process.stdout.write(JSON.stringify({ ...asked, patches: undefined, keys: keys.map(hex), hashes, theirs, ours }, null, 1))
