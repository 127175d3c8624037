import type { JsonValue } from '../model/json.ts';

/** A parsed path. Names are fields of mappings; the single name `*`, quoted or not, stands for all of them. */
export type PathNode =
  | { readonly kind: 'root' }
  | { readonly kind: 'this' }
  | { readonly kind: 'parent' }
  | { readonly kind: 'fields'; readonly names: readonly string[] }
  | { readonly kind: 'index'; readonly index: number }
  | { readonly kind: 'slice'; readonly start: number | undefined; readonly end: number | undefined }
  | { readonly kind: 'filter'; readonly terms: readonly FilterTerm[] }
  | { readonly kind: 'sort'; readonly keys: readonly SortKey[] }
  | { readonly kind: 'length' }
  | { readonly kind: 'split'; readonly separator: string; readonly segment: number; readonly limit: number }
  | { readonly kind: 'substitute'; readonly replace: (text: string) => string }
  | { readonly kind: 'steps'; readonly steps: readonly PathNode[] }
  | { readonly kind: 'union'; readonly paths: readonly PathNode[] }
  | {
      readonly kind: 'intersection' | 'where' | 'descendants';
      readonly left: PathNode;
      readonly right: PathNode;
    }
  | { readonly kind: 'operation'; readonly sign: string; readonly left: Operand; readonly right: Operand };

/** One side of an operation. */
export type Operand = PathNode | { readonly literal: JsonValue };

export type Comparison = '=' | '==' | '!=' | '<' | '<=' | '>' | '>=' | '~';

/** One condition of a filter: a path that must find something, or one of whose values must compare so. */
export interface FilterTerm {
  readonly path: PathNode;
  readonly comparison?: Comparison;
  readonly literal?: JsonValue;
  /** Where the comparison stands in the path, for errors about its literal. */
  readonly offset?: number;
}

export interface SortKey {
  readonly path: PathNode;
  readonly descending: boolean;
}
