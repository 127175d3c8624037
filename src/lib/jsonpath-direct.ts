import { FloatToken, isJsonObject, type JsonValue } from '../model/json.ts';
import type { PathNode } from './jsonpath-ast.ts';

/**
 * Direct look-ups for the paths that nearly all definitions consist of: plain names, one below the other, and
 * alternatives of such (`(a.b)|(c)`). They build nothing, so a look-up costs little more than reading the fields.
 */

/** Finds the value, or undefined when there is none. */
export type Lookup = (root: JsonValue) => JsonValue | undefined;

/** The names of a path that consists of plain names below the document, at least one; else undefined. */
export function plainNames(node: PathNode): readonly string[] | undefined {
  const steps = node.kind === 'steps' ? node.steps : [node];
  const names: string[] = [];
  for (const [index, step] of steps.entries()) {
    if (index === 0 && step.kind === 'root') continue;
    const [name, ...more] = step.kind === 'fields' ? step.names : [];
    if (name === undefined || name === '*' || more.length > 0) return undefined;
    names.push(name);
  }
  return names.length > 0 ? names : undefined;
}

/** The first value that is not null, for a path of plain names or alternatives of such; else undefined. */
export function compileFirst(node: PathNode): ((root: JsonValue) => JsonValue) | undefined {
  if (node.kind !== 'union') {
    const names = plainNames(node);
    return names === undefined ? undefined : firstOf(compileNames(names));
  }
  const lookups: Lookup[] = [];
  for (const path of node.paths) {
    const names = plainNames(path);
    if (names === undefined) return undefined;
    lookups.push(compileNames(names));
  }
  return firstOfMany(lookups);
}

/** A look-up of names, one below the other. */
export function compileNames(names: readonly string[]): Lookup {
  const [first = '', second, third, ...more] = names;
  if (names.some(isRisky)) return (root) => careful(root, names);
  if (second === undefined) return (root) => field(root, first);
  if (third === undefined) return (root) => field(field(root, first), second);
  if (more.length === 0) return (root) => field(field(field(root, first), second), third);
  return (root) => {
    let value: JsonValue | undefined = root;
    for (const name of names) value = field(value, name);
    return value;
  };
}

function firstOf(lookup: Lookup): (root: JsonValue) => JsonValue {
  return (root) => lookup(root) ?? null;
}

function firstOfMany(lookups: readonly Lookup[]): (root: JsonValue) => JsonValue {
  return (root) => {
    for (const lookup of lookups) {
      const value = lookup(root);
      if (value !== undefined && value !== null) return value;
    }
    return null;
  };
}

interface Fields {
  readonly [name: string]: JsonValue;
}

/** Only for names that no list, number token or prototype has: there a plain read finds fields of mappings only. */
function field(value: JsonValue | undefined, name: string): JsonValue | undefined {
  return typeof value === 'object' && value !== null ? (value as Fields)[name] : undefined;
}

function careful(root: JsonValue, names: readonly string[]): JsonValue | undefined {
  let value: JsonValue | undefined = root;
  for (const name of names)
    value = isJsonObject(value) && Object.hasOwn(value, name) ? value[name] : undefined;
  return value;
}

const OTHER_OWNERS = [Object.prototype, Array.prototype, FloatToken.prototype];

/** Whether something else than a mapping's own field may answer to the name. */
function isRisky(name: string): boolean {
  return name === 'value' || /^\d+$/.test(name) || OTHER_OWNERS.some((owner) => name in owner);
}
