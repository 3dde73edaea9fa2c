export { openRegistry, type Registration, type Registry, type RegistryOptions } from './registry.ts';
export { REGISTRY_SCHEME, registryChannelOptions } from './resolver.ts';
