export { ConfigError, type Environment, loadConfig, loadConfigs } from './load.ts';
export { type ConfigOf, type Setting, type Settings, setting } from './setting.ts';
