import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { services } from '@weft/all/services';
import { parse } from 'yaml';
import { objectsOf, ROOT } from './render.ts';

const NAMES = services.map(({ spec }) => spec.name).sort();

const text = (path: string) => readFileSync(join(ROOT, path), 'utf8');
const sorted = (names: Iterable<string>) => [...names].sort();

interface Skaffold {
  readonly build: {
    readonly artifacts: readonly {
      readonly image: string;
      readonly docker: Docker;
      readonly sync?: { readonly manual: readonly { readonly src: string; readonly dest: string }[] };
    }[];
  };
  readonly deploy: Deploy;
  readonly profiles: readonly {
    readonly name: string;
    readonly build?: Skaffold['build'];
    readonly deploy?: Deploy;
    readonly portForward?: readonly Forward[];
  }[];
  readonly portForward: readonly Forward[];
}
interface Forward {
  readonly resourceType: string;
  readonly resourceName: string;
  readonly localPort: number;
}
interface Docker {
  readonly target: string;
  readonly buildArgs: { readonly SERVICE: string };
}
interface Deploy {
  readonly helm: {
    readonly releases: readonly {
      readonly name: string;
      readonly setValueTemplates?: Readonly<Record<string, string>>;
    }[];
  };
}

/** What stands for a service in skaffold's lists. */
const imagesOf = (build: Skaffold['build']) =>
  sorted(build.artifacts.map(({ image, docker }) => `${image} of ${docker.buildArgs.SERVICE}`));
const tagsOf = ({ helm }: Deploy) =>
  sorted(Object.entries(helm.releases.find(({ name }) => name === 'weft')?.setValueTemplates ?? {}).flat());
const expectedImages = (names: readonly string[]) => names.map((name) => `weft/${name} of ${name}`);
const expectedTags = (names: readonly string[]) =>
  sorted(names.flatMap((name) => [`${name}.image.tag`, `{{.IMAGE_TAG_weft_${name}}}`]));

describe('every service', () => {
  const skaffold = parse(text('skaffold.yaml'), { merge: true }) as Skaffold;

  it('is built, installed and debugged by skaffold', () => {
    expect(imagesOf(skaffold.build)).toEqual(expectedImages(NAMES));
    expect(tagsOf(skaffold.deploy)).toEqual(expectedTags(NAMES));
    const { portForward = [] } = skaffold.profiles.find(({ name }) => name === 'debug') ?? {};
    const deployments = portForward.filter(({ resourceType }) => resourceType === 'deployment');
    expect(sorted(deployments.map(({ resourceName }) => resourceName))).toEqual(NAMES);
    // A profile's list takes the place of the one that all have.
    expect(portForward).toEqual([...skaffold.portForward, ...deployments]);
    expect(new Set(portForward.map(({ localPort }) => localPort)).size).toBe(NAMES.length + 1);
    const staging = skaffold.profiles.find(({ name }) => name === 'staging');
    expect(staging?.build && imagesOf(staging.build)).toEqual(expectedImages(NAMES));
    expect(staging?.build?.artifacts.filter(({ docker, sync }) => docker.target !== 'service' || sync)).toEqual([]);
  });

  it('has the sources of all written into its pod, so that an edit builds no image', () => {
    for (const { docker, sync } of skaffold.build.artifacts) {
      expect(docker.target).toBe('dev');
      expect(sync?.manual).toEqual(
        ['kit/src/**', 'gen/**', 'services/*/src/**'].map((src) => ({ src, dest: '/weft' })),
      );
    }
  });

  it('is reached at a port of this machine that kind leaves free', () => {
    const [kind] = objectsOf(text('k8s/kind.yaml')) as unknown as {
      nodes: { extraPortMappings?: { hostPort: number }[] }[];
    }[];
    const taken = kind?.nodes.flatMap(({ extraPortMappings = [] }) =>
      extraPortMappings.map(({ hostPort }) => hostPort),
    );
    expect(taken).toContain(8080);
    expect(skaffold.portForward.filter(({ localPort }) => taken?.includes(localPort))).toEqual([]);
  });

  it.each(NAMES)('has a profile of skaffold that builds and installs it alone: %s', (name) => {
    const profile = skaffold.profiles.find((one) => one.name === name);
    expect(profile?.build && imagesOf(profile.build)).toEqual(expectedImages([name]));
    expect(profile?.deploy && tagsOf(profile.deploy)).toEqual(expectedTags([name]));
  });

  it('that has a database has one in production, with a role that may sign in', () => {
    const backing = parse(text('charts/backing/values.yaml')) as { services: Record<string, { database: boolean }> };
    const owners = NAMES.filter((name) => backing.services[name]?.database).map((name) => `weft_${name}`);
    const databases = objectsOf(text('k8s/production/databases.yaml')).filter(({ kind }) => kind === 'Database');
    expect(sorted(databases.map(({ spec }) => spec.name))).toEqual(owners);
    expect(sorted(databases.map(({ spec }) => spec.owner))).toEqual(owners);
    const [cluster] = objectsOf(text('k8s/production/postgresql.yaml')).filter(({ kind }) => kind === 'Cluster');
    const roles = cluster?.spec.managed.roles as { name: string; login: boolean }[];
    expect(sorted(roles.filter(({ login }) => login).map(({ name }) => name))).toEqual(owners);
  });

  it('is a target in the README, and has its image from a registry there', () => {
    const [, loop = ''] = /for service in ([A-Z ]+); do export/.exec(text('k8s/README.md')) ?? [];
    expect(sorted(loop.toLowerCase().split(' '))).toEqual(NAMES);
    const [, images = ''] = /for service in ([a-z \\\n]+); do echo "--set/.exec(text('k8s/README.md')) ?? [];
    expect(sorted(images.split(/[\s\\]+/))).toEqual(NAMES);
  });
});
