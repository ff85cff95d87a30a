// BLAKE2b with a key and a digest of 8 bytes (RFC 7693), as the server's control groups use it.

const MASK = (1n << 64n) - 1n;
const BLOCK_BYTES = 128;
const DIGEST_BYTES = 8;

const INITIAL = [
  0x6a09e667f3bcc908n, 0xbb67ae8584caa73bn, 0x3c6ef372fe94f82bn, 0xa54ff53a5f1d36f1n,
  0x510e527fade682d1n, 0x9b05688c2b3e6c1fn, 0x1f83d9abfb41bd6bn, 0x5be0cd19137e2179n,
];

const ORDERS = [
  [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15],
  [14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3],
  [11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4],
  [7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8],
  [9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13],
  [2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9],
  [12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11],
  [13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10],
  [6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5],
  [10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0],
];
const ROUNDS = 12;

// Which words of the state each step of a round mixes: columns first, then diagonals.
const STEPS = [
  [0, 4, 8, 12], [1, 5, 9, 13], [2, 6, 10, 14], [3, 7, 11, 15],
  [0, 5, 10, 15], [1, 6, 11, 12], [2, 7, 8, 13], [3, 4, 9, 14],
];

function rotatedRight(word, bits) {
  return ((word >> bits) | (word << (64n - bits))) & MASK;
}

function mix(words, [a, b, c, d], x, y) {
  words[a] = (words[a] + words[b] + x) & MASK;
  words[d] = rotatedRight(words[d] ^ words[a], 32n);
  words[c] = (words[c] + words[d]) & MASK;
  words[b] = rotatedRight(words[b] ^ words[c], 24n);
  words[a] = (words[a] + words[b] + y) & MASK;
  words[d] = rotatedRight(words[d] ^ words[a], 16n);
  words[c] = (words[c] + words[d]) & MASK;
  words[b] = rotatedRight(words[b] ^ words[c], 63n);
}

function compress(state, block, bytesSoFar, isLast) {
  const view = new DataView(block.buffer, block.byteOffset, BLOCK_BYTES);
  const message = Array.from({ length: 16 }, (_, at) => view.getBigUint64(8 * at, true));
  const words = [...state, ...INITIAL];
  words[12] ^= BigInt(bytesSoFar);
  if (isLast) words[14] ^= MASK;
  for (let round = 0; round < ROUNDS; round += 1) {
    const order = ORDERS[round % ORDERS.length];
    STEPS.forEach((step, at) => mix(words, step, message[order[2 * at]], message[order[2 * at + 1]]));
  }
  for (let at = 0; at < 8; at += 1) state[at] ^= words[at] ^ words[at + 8];
}

// The first 8 bytes of the digest as a whole number, the first byte highest.
export function keyedHash(message, key) {
  const state = [...INITIAL];
  state[0] ^= 0x01010000n ^ BigInt(key.length << 8) ^ BigInt(DIGEST_BYTES);
  const keyBytes = key.length ? BLOCK_BYTES : 0;
  const padded = new Uint8Array(
    Math.max(1, Math.ceil((keyBytes + message.length) / BLOCK_BYTES)) * BLOCK_BYTES,
  );
  padded.set(key, 0);
  padded.set(message, keyBytes);
  const total = keyBytes + message.length;
  for (let begin = 0; begin < padded.length; begin += BLOCK_BYTES) {
    const end = begin + BLOCK_BYTES;
    compress(state, padded.subarray(begin, end), Math.min(end, total), end === padded.length);
  }
  const digest = new DataView(new ArrayBuffer(8));
  digest.setBigUint64(0, state[0], true);
  return digest.getBigUint64(0, false);
}
