// A phone over npm's libsignal (the Node implementation that Baileys uses), driven by lines of JSON on stdin.
// Used by record.py; needs `npm install libsignal@6.0.0` somewhere and NODE_PATH set to its node_modules.
'use strict';

const libsignal = require('libsignal');
const readline = require('readline');

for (const level of ['info', 'warn', 'error']) console[level] = () => {};

const hex = (bytes) => Buffer.from(bytes).toString('hex');
const bytes = (text) => Buffer.from(text, 'hex');
const typed = (text) => Buffer.from('05' + text, 'hex');
const peer = new libsignal.ProtocolAddress('peer', 0);
const SIGNED_PREKEY_ID = 7;

let identity, registrationId, signedPreKey, sessions, preKeys, lastPreKeyId;

const storage = {
  loadSession: async (name) => sessions[name] && libsignal.SessionRecord.deserialize(JSON.parse(sessions[name])),
  storeSession: async (name, record) => { sessions[name] = JSON.stringify(record.serialize()); },
  isTrustedIdentity: async () => true,
  loadPreKey: async (id) => preKeys[id],
  removePreKey: async (id) => { delete preKeys[id]; },
  loadSignedPreKey: async (id) => (id === SIGNED_PREKEY_ID ? signedPreKey.keyPair : undefined),
  getOurRegistrationId: async () => registrationId,
  getOurIdentity: async () => identity,
};

const operations = {
  install: async () => {
    identity = libsignal.keyhelper.generateIdentityKeyPair();
    registrationId = libsignal.keyhelper.generateRegistrationId();
    signedPreKey = libsignal.keyhelper.generateSignedPreKey(identity, SIGNED_PREKEY_ID);
    [sessions, preKeys, lastPreKeyId] = [{}, {}, 0];
    return {};
  },
  bundle: async ({ one_time: oneTime }) => {
    const preKey = oneTime ? libsignal.keyhelper.generatePreKey(++lastPreKeyId) : null;
    if (preKey) preKeys[preKey.keyId] = preKey.keyPair;
    return {
      registration_id: registrationId,
      identity: hex(identity.pubKey.slice(1)),
      signed_prekey_id: SIGNED_PREKEY_ID,
      signed_prekey: hex(signedPreKey.keyPair.pubKey.slice(1)),
      signature: hex(signedPreKey.signature),
      prekey_id: preKey && preKey.keyId,
      prekey: preKey && hex(preKey.keyPair.pubKey.slice(1)),
    };
  },
  start: async ({ bundle }) => {
    const signed = [typed(bundle.identity), typed(bundle.signed_prekey), bytes(bundle.signature)];
    if (!libsignal.curve.verifySignature(...signed, false)) throw new Error('bad signature');
    await new libsignal.SessionBuilder(storage, peer).initOutgoing({
      identityKey: typed(bundle.identity),
      registrationId: bundle.registration_id,
      signedPreKey: { keyId: bundle.signed_prekey_id, publicKey: signed[1], signature: signed[2] },
      preKey: bundle.prekey ? { keyId: bundle.prekey_id, publicKey: typed(bundle.prekey) } : undefined,
    });
    return {};
  },
  encrypt: async ({ plaintext }) => {
    const { type, body } = await new libsignal.SessionCipher(storage, peer).encrypt(bytes(plaintext));
    return { kind: type === 3 ? 'pkmsg' : 'msg', data: hex(body) };
  },
  decrypt: async ({ kind, data }) => {
    const cipher = new libsignal.SessionCipher(storage, peer);
    const read = kind === 'pkmsg' ? cipher.decryptPreKeyWhisperMessage : cipher.decryptWhisperMessage;
    return { plaintext: hex(await read.call(cipher, bytes(data))) };
  },
};

(async () => {
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const { operation, ...request } = JSON.parse(line);
    const answer = await operations[operation](request).catch((error) => ({ error: String(error) }));
    process.stdout.write(JSON.stringify(answer) + '\n');
  }
})();
