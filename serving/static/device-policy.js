// From a score to band, action and review, as the judge decides: the rules come with the package.

import { keyedHash } from "./device-blake2b.js";

const MOST_SALT_BYTES = 64;

export function inControlGroup(entity, control) {
  if (control.share <= 0) return false;
  const bytes = new TextEncoder();
  const salt = bytes.encode(control.salt).slice(0, MOST_SALT_BYTES);
  return Number(keyedHash(bytes.encode(entity), salt)) / 2 ** 64 < control.share;
}

function holds(condition, values) {
  const value = values[condition.feature];
  if (value === null) return false;
  const isHighEnough = condition.at_least === null || value >= condition.at_least;
  return isHighEnough && (condition.below === null || value < condition.below);
}

// values: feature → number or null; all of the scenario's.
export function decided(policy, score, values, entity) {
  const band = policy.bands.findLast((one) => score >= one.lowest_score).name;
  const rule = policy.rules.find(
    (one) => one.bands.includes(band) && one.when.every((condition) => holds(condition, values)),
  );
  const isControl = inControlGroup(entity, policy.control);
  return {
    score,
    band,
    action: isControl ? policy.control.action : rule.action,
    review: rule.review,
    control_group: isControl,
  };
}

// Whether the last bits of a score may choose its band.
export function isAtThreshold(policy, score, tolerance) {
  return policy.bands.some((band) => Math.abs(score - band.lowest_score) <= tolerance);
}
