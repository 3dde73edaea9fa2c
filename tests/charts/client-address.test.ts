import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';

const read = (path: string) => parse(readFileSync(join(import.meta.dirname, '../..', path), 'utf8'));

describe('the address of a client', () => {
  const ingress = read('k8s/istio/ingress-production.yaml') as { service: object; podAnnotations?: object };
  const mesh = read('k8s/istio/istiod.yaml') as { meshConfig: { defaultConfig: { gatewayTopology?: object } } };

  it('is what the ingress gateway sees: no node stands in for it', () => {
    expect(ingress.service).toMatchObject({ type: 'LoadBalancer', externalTrafficPolicy: 'Local' });
  });

  it('is believed of the ingress gateway alone, which believes nobody before it', () => {
    const { settings } = read('charts/service/files/services/gateway.yaml') as { settings: object };
    expect(settings).toMatchObject({ TRUSTED_PROXIES: 1 });
    expect(mesh.meshConfig.defaultConfig.gatewayTopology).toBeUndefined();
    expect(ingress.podAnnotations).toBeUndefined();
  });

  it('is kept by what the way to production installs', () => {
    const guide = readFileSync(join(import.meta.dirname, '../../k8s/README.md'), 'utf8');
    const production = guide.split('\n## Production\n')[1] ?? '';
    expect(production).toMatch(/istio\/gateway .*-f k8s\/istio\/ingress-production\.yaml/);
  });
});
