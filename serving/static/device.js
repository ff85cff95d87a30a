// The device page: gets the package, proves that it scores as the judge does, scores and sends.

import { DeviceScorer, GoldenDiffers } from "./device-scorer.js";
import { newKeyPair, sha256Hex, signedRecord } from "./device-signing.js";
import { DeviceStore } from "./device-store.js";

const RECORDS_AT_ONCE = 50;
const CLOCK_STEP_MS = 60_000;
const KEY_IS_OVER = new Set(["unknown_key", "revoked_key"]);

const root = document.getElementById("device");
const { scenario, caller, csrfToken, runtimeUrl, workerUrl, scopePath } = root.dataset;
const cacheName = `everscore-device ${scopePath}`;
const runtime = new URL(runtimeUrl, location.href).href;
const api = `/v1/${encodeURIComponent(scenario)}/device`;
const texts = Object.fromEntries(
  [...document.querySelectorAll("#device-texts li")].map((item) => [
    item.dataset.name,
    item.textContent,
  ]),
);
const place = (name) => document.getElementById(`device-${name}`);

let store;
let scorer = null;
let isSending = false;

class Refused extends Error {
  constructor(status, detail) {
    super(detail);
    this.status = status;
  }
}

function text(name, values = {}) {
  return Object.entries(values).reduce(
    (filled, [key, value]) => filled.replace(`{${key}}`, () => String(value)),
    texts[name] ?? name,
  );
}

function showState(kind, sentence) {
  const state = place("state");
  state.className = `banner ${kind}`;
  state.textContent = sentence;
  root.dataset.state = kind;
}

function localTime(ms) {
  const length = { dateStyle: "medium", timeStyle: "short" };
  return new Date(ms).toLocaleString(document.documentElement.lang, length);
}

// Raises TypeError without a connection, Refused when the service says no.
async function asked(path, options = {}) {
  const headers = { Accept: "application/json", "X-CSRF-Token": csrfToken };
  if (options.body) headers["Content-Type"] = "application/json";
  const answer = await fetch(path, { ...options, headers });
  if (answer.ok) return answer;
  let detail = `${answer.status}`;
  try {
    detail = (await answer.json()).detail || detail;
  } catch {
    // Something between the service and us has answered.
  }
  throw new Refused(answer.status, detail);
}

// The time by the server's clock, as far as the device can know it.
async function serverTime() {
  const offsetMs = (await store.fact("clock_offset_ms")) ?? 0;
  return Date.now() - offsetMs;
}

async function storedGraph(description) {
  const graph = await store.fact("graph");
  const isCurrent = graph !== null && graph.sha256 === description.model.sha256;
  return isCurrent ? graph.content : null;
}

async function fetchedGraph(description) {
  const content = await (await asked(description.graph_url)).arrayBuffer();
  const sha256 = await sha256Hex(content);
  if (sha256 !== description.model.sha256) {
    throw new Refused(0, text("damaged_graph"));
  }
  return content;
}

async function keyFor(description) {
  const key = await store.fact("key");
  if (key && key.package_id === description.package_id && key.caller === caller) return key;
  const pair = await newKeyPair();
  const body = { package_id: description.package_id, public_key: pair.publicJwk };
  const answer = await asked(`${api}/keys`, { method: "POST", body: JSON.stringify(body) });
  const issued = await answer.json();
  return { ...issued, caller, privateKey: pair.privateKey };
}

// Gets the newest package. It replaces the stored one only when it scores as the judge does.
async function refreshed() {
  const description = await (await asked(`${api}/package`)).json();
  const offsetMs = Date.now() - description.issued_at_ms;
  const content = (await storedGraph(description)) ?? (await fetchedGraph(description));
  const candidate = await DeviceScorer.open(description, content, runtime);
  const key = await keyFor(description);
  await store.setFacts({
    description,
    graph: { sha256: description.model.sha256, content },
    key,
    clock_offset_ms: offsetMs,
    latest_ms: description.issued_at_ms,
  });
  return candidate;
}

async function fromStore() {
  const description = await store.fact("description");
  const content = description && (await storedGraph(description));
  if (!content || !(await store.fact("key"))) return null;
  return DeviceScorer.open(description, content, runtime);
}

// Why the device must not score now; null when it may.
async function hindrance() {
  const { description } = scorer;
  const nowMs = await serverTime();
  const latestMs = await store.raise("latest_ms", nowMs);
  if (nowMs < latestMs - CLOCK_STEP_MS) return text("clock_set_back");
  if (nowMs > description.refresh_by_ms) {
    return text("too_old", { time: localTime(description.refresh_by_ms) });
  }
  return null;
}

function showFacts() {
  const { description } = scorer;
  const { model, features } = description;
  place("version").textContent = `${model.name} ${model.version}`;
  place("package").textContent = description.package_id;
  place("issued").textContent = localTime(description.issued_at_ms);
  place("refresh").textContent = localTime(description.refresh_by_ms);
  place("golden").textContent = text("golden_equal", {
    cases: scorer.goldenCases,
    difference: scorer.largestDifference.toExponential(1),
  });
  place("facts").hidden = false;
  const shown = features.map((feature) => feature.name).join();
  if (place("fields").dataset.features !== shown) {
    place("fields").dataset.features = shown;
    place("fields").replaceChildren(...features.map(fieldOf));
  }
}

function fieldOf(feature) {
  const holder = document.createElement("div");
  const label = document.createElement("label");
  const isRequired = feature.name === scorer.description.required_feature;
  const id = `feature-${feature.name}`;
  label.htmlFor = id;
  label.textContent = feature.name.replaceAll("_", " ") + (isRequired ? " *" : "");
  let control;
  if (feature.categories) {
    control = document.createElement("select");
    control.append(new Option(text("missing"), ""));
    feature.categories.forEach((name, code) => control.append(new Option(name, code)));
  } else {
    control = document.createElement("input");
    control.type = "number";
    control.step = "any";
    control.inputMode = "decimal";
    if (feature.minimum !== null) control.min = feature.minimum;
    if (feature.maximum !== null) control.max = feature.maximum;
    if (feature.unit) label.textContent += ` (${feature.unit})`;
  }
  control.id = id;
  control.name = feature.name;
  control.required = isRequired;
  holder.append(label, control);
  return holder;
}

// feature → value exact in float32, as the graph takes it; null where the field is empty.
function formValues(form) {
  const value = (name) => form.elements[name].value.trim();
  return Object.fromEntries(
    scorer.description.features.map(({ name }) => [
      name,
      value(name) === "" ? null : Math.fround(Number(value(name))),
    ]),
  );
}

async function record(verdict, values, entity) {
  const key = await store.fact("key");
  const number = await store.nextNumber(key.key_id);
  const content = {
    record_id: `${scenario}-device-${key.key_id}-${number}`,
    key_id: key.key_id,
    number,
    package_id: scorer.description.package_id,
    device_time: new Date().toISOString(),
    entity,
    features: values,
    ...verdict,
  };
  const signed = await signedRecord(content, key.privateKey);
  await store.putRecord({ ...signed, entity, refusal: "" });
}

function showVerdict(verdict, entity) {
  const description = scorer.description;
  place("result-entity").textContent = entity;
  place("result-score").textContent = new Intl.NumberFormat(document.documentElement.lang, {
    style: "percent",
    minimumFractionDigits: 1,
  }).format(verdict.score);
  place("result-band").textContent = verdict.band;
  place("result-action").textContent = verdict.action;
  place("result-review").hidden = !verdict.review;
  place("result-control").hidden = !verdict.control_group;
  const version = `${description.model.name} ${description.model.version}`;
  place("result-version").textContent = text("result_version", {
    version,
    time: localTime(Date.now()),
  });
  const result = place("result");
  result.dataset.score = String(verdict.score);
  result.hidden = false;
  result.scrollIntoView({ block: "nearest" }); // on a phone it is below the form
}

async function score(event) {
  event.preventDefault();
  const form = event.target;
  const why = scorer ? await hindrance() : text("not_ready");
  if (why) {
    setReady(false);
    showState("bad", why);
    return;
  }
  try {
    const values = formValues(form);
    const entity = form.elements.entity.value.trim();
    const verdict = await scorer.verdict(values, entity);
    await record(verdict, values, entity); // nothing is shown that is not recorded
    showVerdict(verdict, entity);
  } catch (error) {
    showState("bad", text("failed", { error: error.message }));
    return;
  }
  await showRecords();
  await send();
}

async function showRecords() {
  const records = await store.records();
  const refused = records.filter((one) => one.refusal);
  place("waiting").textContent = String(records.length - refused.length);
  place("refused").replaceChildren(
    ...refused.map((one) => {
      const item = document.createElement("li");
      item.textContent = `${one.entity}: ${one.refusal}`;
      return item;
    }),
  );
  place("refused-part").hidden = refused.length === 0;
}

// Sends what waits. A record is removed when the server has taken it, never before.
async function send() {
  if (isSending) return;
  isSending = true;
  try {
    const waiting = (await store.records()).filter((one) => !one.refusal);
    let taken = 0;
    for (let begin = 0; begin < waiting.length; begin += RECORDS_AT_ONCE) {
      const part = waiting.slice(begin, begin + RECORDS_AT_ONCE);
      const records = part.map(({ payload, signature }) => ({ payload, signature }));
      const answer = await asked(`${api}/records`, {
        method: "POST",
        body: JSON.stringify({ records }),
      });
      const { dispositions } = await answer.json();
      for (const [at, disposition] of dispositions.entries()) {
        if (disposition.outcome === "not now") {
          place("sent").textContent = text("no_answer", { error: disposition.sentence });
        } else if (disposition.outcome === "refused") {
          const refusal = `${disposition.reason}: ${disposition.sentence}`;
          await store.putRecord({ ...part[at], refusal });
          if (KEY_IS_OVER.has(disposition.reason)) await forgetKey(part[at]);
        } else {
          taken += 1;
          await store.removeRecord(part[at].record_id);
        }
      }
    }
    if (taken) place("sent").textContent = text("sent", { taken });
  } catch (error) {
    place("sent").textContent = isAway(error) ? text("kept") : text("no_answer", { error: error.message });
  } finally {
    isSending = false;
    await showRecords();
  }
}

// What this key signs will not be taken: the device needs another one before it scores again.
async function forgetKey(refused) {
  const key = await store.fact("key");
  if (key && JSON.parse(refused.payload).key_id !== key.key_id) return;
  await store.setFacts({ key: null });
  scorer = null;
  setReady(false);
  showState("bad", text("key_over"));
}

function isAway(error) {
  return error instanceof TypeError;
}

function setReady(isReady) {
  place("form-fields").disabled = !isReady;
}

// The stored package when the service does not give a newer one; `why` says what it answered.
async function started() {
  try {
    scorer = await refreshed();
    return "";
  } catch (error) {
    if (error instanceof GoldenDiffers) throw error;
    scorer = await fromStore();
    if (scorer === null && !isAway(error)) throw error;
    return isAway(error) ? text("offline") : error.message;
  }
}

async function start() {
  setReady(false);
  showState("", text("checking"));
  try {
    const why = await started();
    if (scorer === null) {
      showState("bad", text("never_loaded"));
      return;
    }
    showFacts();
    const hindered = await hindrance();
    setReady(!hindered);
    if (hindered) showState("bad", hindered);
    else if (why) showState("warn", text("ready_stored", { why }));
    else showState("good", text("ready"));
  } catch (error) {
    scorer = null;
    const name = error instanceof GoldenDiffers ? "golden_differs" : "failed";
    showState("bad", text(name, { error: error.message }));
  }
}

// All that the page is made of, so that it opens without a connection; older parts are removed.
async function fillCache() {
  const loaded = performance.getEntriesByType("resource").map((entry) => new URL(entry.name));
  const parts = loaded.filter(
    (url) =>
      url.origin === location.origin &&
      (url.pathname.startsWith("/static/") || url.pathname.startsWith(scopePath)),
  );
  const page = new URL(location.pathname, location.origin);
  const wanted = new Set([page.href, ...parts.map((url) => url.href)]);
  const cache = await caches.open(cacheName);
  for (const href of wanted) {
    if (await cache.match(href, { ignoreVary: true })) continue;
    const answer = await fetch(href);
    if (answer.ok && !answer.redirected) await cache.put(href, answer);
  }
  for (const request of await cache.keys()) {
    if (!wanted.has(request.url)) await cache.delete(request);
  }
  root.dataset.offline = "ready";
}

async function discard() {
  for (const one of await store.records()) {
    if (one.refusal) await store.removeRecord(one.record_id);
  }
  await showRecords();
}

async function begin() {
  if (!isSecureContext) {
    showState("bad", text("insecure"));
    return;
  }
  store = await DeviceStore.open(scenario);
  place("form").addEventListener("submit", score);
  place("send").addEventListener("click", send);
  place("check").addEventListener("click", start);
  place("discard").addEventListener("click", discard);
  addEventListener("online", () => start().then(send));
  await showRecords();
  await start();
  try {
    if (navigator.onLine && "serviceWorker" in navigator) {
      await navigator.serviceWorker.register(workerUrl, { scope: scopePath });
      await navigator.serviceWorker.ready;
      await fillCache();
    }
    await navigator.storage?.persist?.();
  } catch {
    // Without a connection the cache stays as it is.
  }
  await send();
}

begin().catch((error) => showState("bad", text("failed", { error: error.message })));
