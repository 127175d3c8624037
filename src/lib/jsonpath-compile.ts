import type { FilterTerm, Operand, PathNode } from './jsonpath-ast.ts';
import { type Datum, type Evaluation, type Finder, NO_MATCH } from './jsonpath-datum.ts';
import { PathSyntaxError } from './jsonpath-errors.ts';
import { compileTest, filterFinder, type TermFinder } from './jsonpath-filter.ts';
import {
  findLength,
  type OperandFinder,
  operationFinder,
  sortFinder,
  splitFinder,
  substituteFinder,
} from './jsonpath-operators.ts';
import {
  childrenOf,
  fieldsFinder,
  findParent,
  findRoot,
  findThis,
  indexFinder,
  sliceFinder,
} from './jsonpath-steps.ts';

import { RegexSyntaxError } from './python-regex.ts';

/** Turns a parsed path into closures. Throws PathSyntaxError for a literal that is a bad regular expression. */
export function compileNode(node: PathNode): Finder {
  switch (node.kind) {
    case 'root':
      return findRoot;
    case 'this':
      return findThis;
    case 'parent':
      return findParent;
    case 'fields':
      return fieldsFinder(node.names);
    case 'index':
      return indexFinder(node.index);
    case 'slice':
      return sliceFinder(node.start, node.end);
    case 'filter':
      return filterFinder(node.terms.map(compileTerm));
    case 'sort':
      return sortFinder(node.keys.map(({ path, descending }) => ({ find: compileNode(path), descending })));
    case 'length':
      return findLength;
    case 'split':
      return splitFinder(node.separator, node.segment, node.limit);
    case 'substitute':
      return substituteFinder(node.replace);
    case 'operation':
      return operationFinder(node.sign, compileOperand(node.left), compileOperand(node.right));
    default:
      return compileCombination(node);
  }
}

type Combination = Extract<PathNode, { kind: 'steps' | 'union' | 'intersection' | 'where' | 'descendants' }>;

function compileCombination(node: Combination): Finder {
  switch (node.kind) {
    case 'steps':
      return stepsFinder(node.steps.map(compileNode));
    case 'union':
      return unionFinder(node.paths.map(compileNode));
    case 'intersection':
      return intersectionFinder(compileNode(node.left), compileNode(node.right));
    case 'where':
      return whereFinder(compileNode(node.left), compileNode(node.right));
    case 'descendants':
      return descendantsFinder(compileNode(node.left), compileNode(node.right));
    default:
      throw new TypeError(`There is no path node ${String(node satisfies never)}`);
  }
}

function compileOperand(operand: Operand): OperandFinder {
  return 'literal' in operand ? operand : { find: compileNode(operand) };
}

function compileTerm(term: FilterTerm): TermFinder {
  const find = compileNode(term.path);
  if (term.comparison === undefined || term.literal === undefined) return { find, test: undefined };
  try {
    return { find, test: compileTest(term.comparison, term.literal) };
  } catch (cause) {
    if (!(cause instanceof RegexSyntaxError)) throw cause;
    throw new PathSyntaxError(
      `In the expression after ${term.comparison}: ${cause.reason}`,
      term.offset ?? 0,
    );
  }
}

function stepsFinder(steps: readonly Finder[]): Finder {
  return (datum, evaluation) => {
    let current: readonly Datum[] = [datum];
    for (const step of steps) {
      const [only] = current;
      // Most steps lead from one datum to one: no list needs to be joined then.
      if (only !== undefined && current.length === 1) current = step(only, evaluation);
      else current = joined(current, step, evaluation);
      if (current.length === 0) return NO_MATCH;
    }
    return current;
  };
}

function joined(data: readonly Datum[], step: Finder, evaluation: Evaluation): readonly Datum[] {
  const found: Datum[] = [];
  for (const datum of data) {
    for (const match of step(datum, evaluation)) found.push(match);
    evaluation.count(1);
  }
  evaluation.count(found.length);
  return found;
}

/** The matches of all paths, one path after the other; what two of them find is there twice. */
function unionFinder(paths: readonly Finder[]): Finder {
  return (datum, evaluation) => {
    const found: Datum[] = [];
    for (const path of paths) for (const match of path(datum, evaluation)) found.push(match);
    evaluation.count(found.length);
    return found;
  };
}

/**
 * What both paths find at the same place. The original knows the sign but fails on every use of it, so there is no
 * behaviour to keep.
 */
function intersectionFinder(left: Finder, right: Finder): Finder {
  return (datum, evaluation) => {
    const lefts = left(datum, evaluation);
    if (lefts.length === 0) return NO_MATCH;
    const places = new Map(right(datum, evaluation).map((match) => [match.place(), match.value]));
    return lefts.filter(
      (match) => places.has(match.place()) && Object.is(places.get(match.place()), match.value),
    );
  };
}

function whereFinder(left: Finder, right: Finder): Finder {
  return (datum, evaluation) => {
    const found = left(datum, evaluation);
    evaluation.count(found.length);
    return found.filter((match) => right(match, evaluation).length > 0);
  };
}

/** Parents before children, in the order of the document; a list of what is still to visit instead of recursion. */
function descendantsFinder(left: Finder, right: Finder): Finder {
  return (datum, evaluation) => {
    const found: Datum[] = [];
    const pending = left(datum, evaluation).toReversed();
    for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
      for (const match of right(next, evaluation)) found.push(match);
      const children = childrenOf(next);
      evaluation.count(children.length + 1);
      for (let index = children.length - 1; index >= 0; index -= 1) {
        const child = children[index];
        if (child !== undefined) pending.push(child);
      }
    }
    return found;
  };
}
