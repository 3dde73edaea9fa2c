{{/* A Deployment of a track: (dict "root" $ "track" "stable" "replicas" 2); without replicas they are left to a scaler. */}}
{{- define "service.deployment" -}}
{{- $values := .root.Values -}}
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ include "service.fullname" . }}
  labels:
    {{- include "service.labels" .root | nindent 4 }}
    weft.dev/track: {{ .track }}
spec:
  {{- if not (kindIs "invalid" .replicas) }}
  replicas: {{ .replicas }}
  {{- end }}
  revisionHistoryLimit: 3
  minReadySeconds: {{ $values.rollout.minReadySeconds }}
  strategy:
    rollingUpdate: { maxUnavailable: 0, maxSurge: 1 }
  selector:
    matchLabels:
      {{- include "service.selector" .root | nindent 6 }}
      weft.dev/track: {{ .track }}
  template:
    metadata:
      labels:
        {{- include "service.selector" .root | nindent 8 }}
        app.kubernetes.io/part-of: weft
        app: {{ include "service.name" .root }}
        version: {{ include "service.version" . | quote }}
        weft.dev/track: {{ .track }}
        {{- if $values.mesh.enabled }}
        sidecar.istio.io/inject: "true"
        {{- end }}
        {{- with $values.podLabels }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      annotations:
        weft.dev/settings: {{ include "service.settings" .root | sha256sum }}
        kubectl.kubernetes.io/default-container: {{ include "service.name" .root }}
        {{- if and $values.mesh.enabled $values.mesh.excludeOutboundPorts }}
        traffic.sidecar.istio.io/excludeOutboundPorts: {{ join "," $values.mesh.excludeOutboundPorts | quote }}
        {{- end }}
        {{- with $values.podAnnotations }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
    spec:
      {{- include "service.pod" . | nindent 6 }}
{{- end }}
