import { isAlias, isMap, isScalar, isSeq, Scalar } from 'yaml';

/** Where a node begins in the text; `otherwise` for what has no node. */
export function offsetOfNode(node: unknown, otherwise = 0): number {
  const known = isScalar(node) || isMap(node) || isSeq(node) || isAlias(node);
  return (known ? node.range?.[0] : undefined) ?? otherwise;
}

/** The name behind `&` at a node. */
export function anchorOf(node: unknown): string | null {
  return ((isScalar(node) || isMap(node) || isSeq(node)) && node.anchor) || null;
}

/** The tag of a scalar, in full; PyYAML resolves a scalar with the tag `!` as if it had none. */
export function explicitTag(node: Scalar): string | null {
  return node.tag === undefined || node.tag === '!' ? null : node.tag;
}

/** Whether a key is `<<`, without quotes. */
export function isMergeKey(key: unknown): boolean {
  if (!isScalar(key)) return false;
  const tag = explicitTag(key);
  if (tag !== null) return tag === 'tag:yaml.org,2002:merge';
  return key.type === Scalar.PLAIN && key.value === '<<';
}

/** A value that was left out, as in `key:`; it has no place of its own. */
export function isLeftOut(node: unknown): boolean {
  return node === null || (isScalar(node) && node.type === Scalar.PLAIN && node.source === '');
}

/** A scalar's text. PyYAML adds no line feed to a block scalar that ends with a file that has none. */
export function textOfScalar(node: Scalar, file: string): string {
  const text = String(node.value);
  if (node.type !== Scalar.BLOCK_LITERAL && node.type !== Scalar.BLOCK_FOLDED) return text;
  const endsWithFile = (node.range?.[1] ?? 0) >= file.length && !file.endsWith('\n');
  return endsWithFile && text.endsWith('\n') ? text.slice(0, -1) : text;
}

/** A tag as it is written in a file: `!!int`. */
export function shortTag(tag: string): string {
  return clip(tag.replace(/^tag:yaml\.org,2002:/, '!!'));
}

/** The beginning of a long text. */
export function clip(text: string): string {
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}
