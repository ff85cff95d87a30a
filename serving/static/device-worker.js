// Lets the device page open without a connection: what it is made of comes from this cache then.

const scopePath = new URL(self.registration.scope).pathname;
const CACHE = `everscore-device ${scopePath}`;

self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));

function isOurs(request) {
  const url = new URL(request.url);
  const isPart = url.pathname.startsWith("/static/") || url.pathname.startsWith(scopePath);
  return request.method === "GET" && url.origin === self.location.origin && isPart;
}

async function answer(request) {
  const cache = await caches.open(CACHE);
  const stored = await cache.match(request, { ignoreVary: true });
  // onnxruntime's files have their version in their address: 14 MB are fetched once.
  if (stored && new URL(request.url).pathname.includes("/onnxruntime/")) return stored;
  try {
    const fresh = await fetch(request);
    if (fresh.ok && fresh.type === "basic" && !fresh.redirected) {
      await cache.put(request, fresh.clone());
    }
    return fresh;
  } catch (error) {
    if (stored) return stored;
    throw error;
  }
}

self.addEventListener("fetch", (event) => {
  if (isOurs(event.request)) event.respondWith(answer(event.request));
});
