/**
 * A fast, well-mixed hash of a text: an integer from 0 up to, not including, 2^52. Works on UTF-16 units in two lanes of
 * 32 bits. For spreading and for telling things apart, not against an adversary. Its values are stored and
 * sent, so the algorithm never changes (hash.test.ts pins some).
 */
export function hash52(text: string): number {
  let a = 0x243f6a88 ^ text.length;
  let b = 0x85a308d3;
  for (let index = 0; index < text.length; index += 1) {
    const unit = text.charCodeAt(index);
    // The rotation brings high bits down: a product alone only ever carries upward.
    a = Math.imul(((a << 5) | (a >>> 27)) ^ unit, 0x9e3779b1);
    b = Math.imul(((b << 13) | (b >>> 19)) ^ unit, 0x5bd1e995);
  }
  const low = mix(a ^ (b >>> 15));
  const high = mix(b + Math.imul(low, 0x27d4eb2f));
  return (high >>> 12) * 0x1_0000_0000 + (low >>> 0);
}

/** Spreads each bit over all 32; two different numbers never give the same. */
function mix(value: number): number {
  let mixed = Math.imul(value ^ (value >>> 16), 0x7feb352d);
  mixed = Math.imul(mixed ^ (mixed >>> 15), 0x846ca68b);
  return mixed ^ (mixed >>> 16);
}
