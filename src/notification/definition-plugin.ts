import { nearestWord } from '../lib/nearest.ts';
import type { JsonObject } from '../model/json.ts';
import { type DefinitionCheck, isMapping, showYaml, type YamlPath } from './definition-check.ts';
import {
  PluginParameterError,
  TRAIT_PLUGINS,
  type TraitPlugin,
  type TraitPluginKind,
} from './trait-plugins.ts';

/**
 * Makes the plugin that a field names: `plugin: NAME` or `plugin: {name, parameters}`. Null when it is wrong; then
 * `check` has the errors. `fieldName` is how messages call the field; `severalValues` that it is in a lookup.
 */
export function compilePlugin(
  config: unknown,
  at: YamlPath,
  fieldName: string,
  check: DefinitionCheck,
  severalValues: boolean,
): TraitPlugin | null {
  const pluginName = isMapping(config) ? config.name : config;
  const place = isMapping(config) ? [...at, 'name'] : at;
  const kind = kindOf(pluginName, at, place, fieldName, check);
  if (kind === null) return null;
  if (severalValues && !kind.severalValues) {
    check.error(
      'E1218',
      `the plugin ${kind.name} of ${fieldName} gives one value, and lookup wants several`,
      place,
    );
    return null;
  }
  if (kind.deprecated !== undefined) {
    const message = `the plugin ${kind.name} of ${fieldName} is deprecated`;
    check.warn('E1209', message, place, { hint: `Use ${kind.deprecated}.` });
  }
  if (!isMapping(config)) return create(kind, {}, at, fieldName, check);
  check.warnUnknownKeys(config, ['name', 'parameters'], at);
  return create(kind, config.parameters ?? {}, [...at, 'parameters'], fieldName, check);
}

function kindOf(
  name: unknown,
  at: YamlPath,
  place: YamlPath,
  fieldName: string,
  check: DefinitionCheck,
): TraitPluginKind | null {
  if (typeof name !== 'string' || name === '') {
    check.error('E1205', `no plugin name is given for ${fieldName}`, at);
    return null;
  }
  const kind = TRAIT_PLUGINS.find((known) => known.name === name);
  if (kind !== undefined) return kind;
  const meant = nearestWord(
    name,
    TRAIT_PLUGINS.map((known) => known.name),
  );
  const hint = meant === undefined ? {} : { hint: `Did you mean ${meant}?` };
  check.error('E1206', `there is no plugin ${showYaml(name)}, which ${fieldName} names`, place, hint);
  return null;
}

function create(
  kind: TraitPluginKind,
  parameters: unknown,
  at: YamlPath,
  fieldName: string,
  check: DefinitionCheck,
): TraitPlugin | null {
  if (!isMapping(parameters)) {
    check.error('E1208', `the parameters of ${kind.name} for ${fieldName} are no mapping`, at);
    return null;
  }
  check.warnUnknownKeys(parameters, kind.parameters, at);
  try {
    return kind.create(parameters as JsonObject);
  } catch (error) {
    if (!(error instanceof PluginParameterError)) throw error;
    check.error('E1208', `bad parameters of ${kind.name} for ${fieldName}: ${error.message}`, at);
    return null;
  }
}
