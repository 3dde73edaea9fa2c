{{/* A workload of one pod with a volume: (dict "root" $ "name" "nats" "user" 1000 "spec" "…" "checksum" "…") */}}
{{- define "backing.stateful" -}}
{{- $persistence := .root.Values.persistence -}}
apiVersion: apps/v1
kind: StatefulSet
metadata:
  name: {{ .name }}
  labels: {{- include "backing.labels" . | nindent 4 }}
spec:
  serviceName: {{ .name }}
  replicas: 1
  selector:
    matchLabels: { app.kubernetes.io/name: {{ .name }} }
  template:
    metadata:
      labels:
        {{- include "backing.labels" . | nindent 8 }}
        sidecar.istio.io/inject: "false"
      annotations:
        weft.dev/settings: {{ .checksum }}
    spec:
      automountServiceAccountToken: false
      enableServiceLinks: false
      securityContext:
        runAsNonRoot: true
        runAsUser: {{ .user }}
        runAsGroup: {{ .user }}
        fsGroup: {{ .user }}
        seccompProfile: { type: RuntimeDefault }
      containers:
        - name: {{ .name }}
          image: {{ get .root.Values.images .name }}
          imagePullPolicy: {{ .root.Values.images.pullPolicy }}
          resources: {{- toYaml (get .root.Values .name).resources | nindent 12 }}
          securityContext:
            allowPrivilegeEscalation: false
            readOnlyRootFilesystem: true
            capabilities: { drop: [ALL] }
          {{- .container | nindent 10 }}
      volumes:
        {{- .volumes | nindent 8 }}
        {{- if not $persistence.enabled }}
        - { name: data, emptyDir: {} }
        {{- end }}
  {{- if $persistence.enabled }}
  volumeClaimTemplates:
    - metadata: { name: data }
      spec:
        accessModes: [ReadWriteOnce]
        {{- with $persistence.storageClass }}
        storageClassName: {{ . }}
        {{- end }}
        resources: { requests: { storage: {{ $persistence.size }} } }
  {{- end }}
{{- end }}
