{{- define "service.container" -}}
{{- $values := .root.Values -}}
{{- $name := include "service.name" .root -}}
{{- $own := include "service.own" .root | fromJson -}}
name: {{ $name }}
image: {{ include "service.image" . }}
imagePullPolicy: {{ $values.image.pullPolicy }}
env:
  - { name: WEFT_VERSION, value: {{ include "service.version" . | quote }} }
envFrom:
  - configMapRef: { name: {{ $name }} }
  {{- if or $own.uses.database $own.uses.bus $own.uses.cache }}
  - secretRef: { name: {{ $name }}-backing }
  {{- end }}
  {{- range $own.secrets }}
  - secretRef: { name: {{ . }} }
  {{- end }}
ports:
  - { name: grpc, containerPort: {{ $values.ports.grpc }} }
  {{- with $own.http }}
  - { name: http, containerPort: {{ . }} }
  {{- end }}
  - { name: ops, containerPort: {{ $values.ports.ops }} }
startupProbe:
  {{- include "service.probe" (dict "probe" $own.probe "port" $values.ports.grpc) | nindent 2 }}
  periodSeconds: 1
  timeoutSeconds: 2
  failureThreshold: {{ $values.startTimeoutSeconds }}
{{- if $values.probes.readiness }}
readinessProbe:
  {{- include "service.probe" (dict "probe" $own.probe "port" $values.ports.grpc) | nindent 2 }}
  periodSeconds: 2
  # A node that is busy for a moment must not take the only pod out of service.
  timeoutSeconds: 5
  failureThreshold: 3
{{- end }}
{{- if $values.probes.liveness }}
# A database that is away makes a pod unready; only one that answers nothing at all is started again.
livenessProbe:
  httpGet: { port: ops, path: /livez }
  periodSeconds: 10
  timeoutSeconds: 3
  failureThreshold: 6
{{- end }}
lifecycle:
  preStop:
    sleep: { seconds: {{ $values.stop.preStopSeconds }} }
resources: {{ toYaml $values.resources | nindent 2 }}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: {{ not $values.development }}
  runAsNonRoot: true
  capabilities: { drop: [ALL] }
{{- end }}

{{- define "service.probe" -}}
{{- if eq .probe "ops" }}
httpGet: { port: ops, path: /readyz }
{{- else }}
grpc: { port: {{ .port }} }
{{- end }}
{{- end }}
