// Scores by the exported graph, once the golden cases have the judge's scores here as well.

import { decided, isAtThreshold } from "./device-policy.js";

const ARRAYS = { "tensor(float)": Float32Array, "tensor(double)": Float64Array };
const TYPES = { "tensor(float)": "float32", "tensor(double)": "float64" };

export class GoldenDiffers extends Error {}

export class DeviceScorer {
  constructor(runtime, session, description) {
    this.runtime = runtime;
    this.session = session;
    this.description = description;
  }

  // description: the package; graph: its bytes; runtimeUrl: the folder of onnxruntime-web's files.
  static async open(description, graph, runtimeUrl) {
    const runtime = await import(`${runtimeUrl}ort.wasm.min.mjs`);
    runtime.env.wasm.wasmPaths = runtimeUrl;
    runtime.env.wasm.numThreads = 1; // more need a page that is isolated from all others
    const session = await runtime.InferenceSession.create(new Uint8Array(graph));
    const scorer = new DeviceScorer(runtime, session, description);
    await scorer.checkGolden();
    return scorer;
  }

  // rows: one object feature → number or null per case; a score per row.
  async scores(rows) {
    const { inputs, columns, output, has_input_per_feature: isSplit } = this.description.model;
    const tensor = (port, names) => {
      const values = new ARRAYS[port.type](rows.length * names.length);
      rows.forEach((row, at) => {
        names.forEach((name, column) => {
          values[at * names.length + column] = row[name] ?? NaN;
        });
      });
      return new this.runtime.Tensor(TYPES[port.type], values, [rows.length, names.length]);
    };
    const feeds = isSplit
      ? Object.fromEntries(inputs.map((port, at) => [port.name, tensor(port, [columns[at]])]))
      : { [inputs[0].name]: tensor(inputs[0], columns) };
    const results = await this.session.run(feeds, [output]);
    const { data, dims } = results[output];
    const width = dims.length > 1 ? Number(dims[1]) : 1;
    return rows.map((_, at) => Number(data[at * width + width - 1]));
  }

  async verdict(values, entity) {
    const [score] = await this.scores([values]);
    if (!(score >= 0 && score <= 1)) throw new RangeError(`score ${score}`);
    return decided(this.description.policy, score, values, entity);
  }

  // Raises GoldenDiffers; returns the largest difference of a score.
  async checkGolden() {
    const { policy, golden, features } = this.description;
    const names = features.map((feature) => feature.name);
    const rows = golden.features.map((values) =>
      Object.fromEntries(names.map((name, at) => [name, values[at]])),
    );
    const scores = await this.scores(rows);
    this.largestDifference = 0;
    golden.verdicts.forEach((expected, at) => {
      const difference = Math.abs(scores[at] - expected.score);
      this.largestDifference = Math.max(this.largestDifference, difference);
      if (!(difference <= golden.tolerance)) {
        throw new GoldenDiffers(`${golden.entities[at]}: ${scores[at]} ≠ ${expected.score}`);
      }
      if (isAtThreshold(policy, expected.score, golden.tolerance)) return;
      const here = decided(policy, scores[at], rows[at], golden.entities[at]);
      for (const part of ["band", "action", "review", "control_group"]) {
        if (here[part] !== expected[part]) {
          const differ = `${part} ${here[part]} ≠ ${expected[part]}`;
          throw new GoldenDiffers(`${golden.entities[at]}: ${differ}`);
        }
      }
    });
    this.goldenCases = golden.verdicts.length;
  }
}
