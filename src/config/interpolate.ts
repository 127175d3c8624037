/** What a reference stands for; null when there is no such option. */
export type ResolveReference = (reference: string) => string | null;

const reference = /\$(?:(\$)|([_a-z][._a-z0-9]*)|\{([_a-z][._a-z0-9]*)\})/gi;

/**
 * Replaces `$name`, `${name}`, `$group.name` and `${group.name}` as oslo.config does; `$$` and `\$` are a dollar sign,
 * and a $ that no name follows stays. What replaces a reference is not looked at again. Unknown references are listed
 * and stay. Pure, if `resolve` is.
 */
export function interpolate(
  text: string,
  resolve: ResolveReference,
): { readonly text: string; readonly unknown: readonly string[] } {
  if (!text.includes('$')) return { text, unknown: [] };
  const unknown: string[] = [];
  const replaced = text
    .replaceAll('\\$', '$$$$')
    .replace(reference, (whole: string, dollar?: string, plain?: string, braced?: string) => {
      if (dollar !== undefined) return '$';
      const name = plain ?? braced ?? '';
      const value = resolve(name);
      if (value === null) unknown.push(name);
      return value ?? whole;
    });
  return { text: replaced, unknown };
}
