// Records signed on the device: ECDSA over P-256, by a private key that cannot leave the browser.

const CURVE = { name: "ECDSA", namedCurve: "P-256" };
const SIGNATURE = { name: "ECDSA", hash: "SHA-256" };

function base64(buffer) {
  return btoa(String.fromCharCode(...new Uint8Array(buffer)));
}

export async function newKeyPair() {
  const pair = await crypto.subtle.generateKey(CURVE, false, ["sign", "verify"]);
  const { kty, crv, x, y } = await crypto.subtle.exportKey("jwk", pair.publicKey);
  return { privateKey: pair.privateKey, publicJwk: { kty, crv, x, y } };
}

// What the server takes: the exact text that was signed, and the signature.
export async function signedRecord(content, privateKey) {
  const payload = JSON.stringify(content);
  const bytes = new TextEncoder().encode(payload);
  const signature = base64(await crypto.subtle.sign(SIGNATURE, privateKey, bytes));
  return { record_id: content.record_id, payload, signature };
}

export async function sha256Hex(buffer) {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", buffer));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
