// What the device remembers, in IndexedDB: the package, its key, and records not yet taken.

const FACTS = "facts";
const RECORDS = "records";

function answered(request) {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

function finished(transaction) {
  return new Promise((resolve, reject) => {
    transaction.oncomplete = () => resolve();
    transaction.onabort = () => reject(transaction.error);
    transaction.onerror = () => reject(transaction.error);
  });
}

export class DeviceStore {
  constructor(database) {
    this.database = database;
  }

  static async open(scenario) {
    const request = indexedDB.open(`everscore-device-${scenario}`, 1);
    request.onupgradeneeded = () => {
      request.result.createObjectStore(FACTS);
      request.result.createObjectStore(RECORDS, { keyPath: "record_id" });
    };
    return new DeviceStore(await answered(request));
  }

  async fact(name) {
    const facts = this.database.transaction(FACTS).objectStore(FACTS);
    return (await answered(facts.get(name))) ?? null;
  }

  async setFacts(values) {
    const transaction = this.database.transaction(FACTS, "readwrite", { durability: "strict" });
    const facts = transaction.objectStore(FACTS);
    for (const [name, value] of Object.entries(values)) facts.put(value, name);
    await finished(transaction);
  }

  // 1, 2, … of a key's records. Two tabs never get the same, and none is given twice.
  async nextNumber(keyId) {
    const transaction = this.database.transaction(FACTS, "readwrite", { durability: "strict" });
    const facts = transaction.objectStore(FACTS);
    const name = `number ${keyId}`;
    const number = ((await answered(facts.get(name))) ?? 0) + 1;
    facts.put(number, name);
    await finished(transaction);
    return number;
  }

  // The largest value that was ever stored under `name`.
  async raise(name, value) {
    const transaction = this.database.transaction(FACTS, "readwrite");
    const facts = transaction.objectStore(FACTS);
    const largest = Math.max(value, (await answered(facts.get(name))) ?? value);
    facts.put(largest, name);
    await finished(transaction);
    return largest;
  }

  async records() {
    const records = this.database.transaction(RECORDS).objectStore(RECORDS);
    return answered(records.getAll());
  }

  async putRecord(record) {
    const transaction = this.database.transaction(RECORDS, "readwrite", { durability: "strict" });
    transaction.objectStore(RECORDS).put(record);
    await finished(transaction);
  }

  async removeRecord(recordId) {
    const transaction = this.database.transaction(RECORDS, "readwrite");
    transaction.objectStore(RECORDS).delete(recordId);
    await finished(transaction);
  }
}
