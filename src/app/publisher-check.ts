import { ConfigurationError, NephoscopeError, type Problem, problem, toError } from '../component/errors.ts';
import type { Config } from '../config/option.ts';
import type { YamlDocument } from '../config/yaml.ts';
import { silentLogger } from '../observe/logger.ts';
import { Metrics } from '../observe/metrics.ts';
import type { PipelineKind } from '../pipeline/plan.ts';
import { POLICY, policyOf, urlSyntaxOf } from '../publishers/delivery-settings.ts';
import type { PublisherContext } from '../publishers/publisher.ts';
import { checkPublisherUrl, type UrlProblem } from '../publishers/publisher-url.ts';
import { openStore } from '../store/open.ts';
import { findPublisher, resolvePublisher } from './publishers.ts';

/**
 * What is wrong with the publisher URLs of a pipeline file, each with its position: their parameters, and what their
 * publishers say when they are made (they are made, and thrown away). Schemes nobody knows are left to `planPipelines`.
 * Touches nothing outside but files a publisher's option names.
 */
export function checkPublishers(
  kind: PipelineKind,
  document: YamlDocument,
  config: Config,
): readonly Problem[] {
  return urlsOf(document.value).flatMap(({ text, path }) =>
    checkPublisherText(kind, text, config).map((found) => {
      // A mistake in a file that the URL names has a place of its own.
      if ('position' in found) return found;
      const { code, message, hint, severity } = found;
      const details = hint === undefined ? { severity } : { severity, hint };
      return problem(code, message, document.positionOf(path), details);
    }),
  );
}

interface PlacedUrl {
  readonly text: string;
  readonly path: readonly (string | number)[];
}

/** What does not look as it should is reported by `planPipelines`. */
function urlsOf(root: unknown): readonly PlacedUrl[] {
  const sinks = fieldOf(root, 'sinks');
  if (!Array.isArray(sinks)) return [];
  return sinks.flatMap((sink: unknown, index): PlacedUrl[] => {
    const given = fieldOf(sink, 'publishers');
    const path = ['sinks', index, 'publishers'];
    if (typeof given === 'string') return [{ text: asUrl(given), path }];
    if (!Array.isArray(given)) return [];
    return given.flatMap((text: unknown, at) =>
      typeof text === 'string' ? [{ text: asUrl(text), path: [...path, at] }] : [],
    );
  });
}

function fieldOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined;
}

/** As the plan: a publisher without `://` gets it. */
function asUrl(text: string): string {
  return text.includes('://') ? text : `${text}://`;
}

/**
 * What is wrong with one publisher URL, as `checkPublishers`; what has a position is about a file that the URL names. None
 * for a scheme nobody knows.
 */
export function checkPublisherText(
  kind: PipelineKind,
  text: string,
  config: Config,
): readonly (UrlProblem | Problem)[] {
  const definition = findPublisher(text.slice(0, text.indexOf('://')));
  if (definition === undefined || definition[kind === 'sample' ? 'samples' : 'events'] === undefined)
    return [];
  const { url, problems } = checkPublisherUrl(text, urlSyntaxOf(definition));
  if (url === null) return problems;
  return [...problems, ...checkPolicy(url.get(POLICY)), ...checkMaking(kind, text, config)];
}

function checkPolicy(word: string): readonly UrlProblem[] {
  if (policyOf(word) !== null) return [];
  const message = 'The value of parameter policy is no policy; it counts as default';
  return [{ severity: 'warning', code: 'E1119', message, hint: 'Write one of: default, drop, queue.' }];
}

function checkMaking(kind: PipelineKind, text: string, config: Config): readonly (UrlProblem | Problem)[] {
  try {
    const { create, url } = resolvePublisher(kind, text);
    create(url, trialContext(config));
    return [];
  } catch (thrown) {
    if (thrown instanceof ConfigurationError) return thrown.problems;
    if (thrown instanceof NephoscopeError) {
      return [{ severity: 'error', code: thrown.code, message: thrown.message, hint: thrown.hint }];
    }
    const message = `Publisher cannot be made: ${toError(thrown).message}`;
    return [{ severity: 'error', code: 'E1113', message }];
  }
}

/** A program that is never started. */
function trialContext(config: Config): PublisherContext {
  return {
    name: 'publisher:trial',
    config,
    store: openStore('sqlite:///nonexistent/telemetry.sqlite'),
    log: silentLogger,
    metrics: new Metrics(),
    stateDir: '/nonexistent',
    host: 'localhost',
  };
}
