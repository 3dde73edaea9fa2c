import type { Container, PodSpec } from './render.ts';

/** What the restricted Pod Security standard asks of a pod and its containers, and what we ask of them beside. */
export function faultsOf(of: string, pod: PodSpec): string[] {
  const whole = pod.securityContext ?? {};
  const seccomp = (context: Readonly<Record<string, unknown>>) =>
    (context.seccompProfile as { type?: string } | undefined)?.type;
  const wrong: [boolean, string][] = [
    [whole.runAsNonRoot !== true || !(Number(whole.runAsUser) > 0), 'may be root'],
    [seccomp(whole) !== 'RuntimeDefault', 'has no seccomp profile'],
    [pod.automountServiceAccountToken !== false, 'is given a token'],
  ];
  const faults = wrong.flatMap(([is, what]) => (is ? [`${of} ${what}`] : []));
  return [...faults, ...[...pod.containers, ...(pod.initContainers ?? [])].flatMap((one) => faultsIn(of, one))];
}

function faultsIn(of: string, { name, image, securityContext = {}, resources }: Container): string[] {
  const { capabilities } = securityContext as { capabilities?: { drop?: string[]; add?: string[] } };
  const wrong: [boolean, string][] = [
    [!/(:[^:/]+|@sha256:[a-f0-9]{64})$/.test(image) || image.endsWith(':latest'), `runs ${image}`],
    [securityContext.allowPrivilegeEscalation !== false, 'may gain privileges'],
    [securityContext.privileged === true, 'is privileged'],
    [!capabilities?.drop?.includes('ALL') || (capabilities.add ?? []).length > 0, 'keeps capabilities'],
    [!resources?.limits?.cpu || !resources.limits.memory, 'has no limits'],
    [!resources?.requests?.cpu || !resources.requests.memory, 'asks for nothing'],
  ];
  return wrong.flatMap(([is, what]) => (is ? [`${of} ${name} ${what}`] : []));
}
