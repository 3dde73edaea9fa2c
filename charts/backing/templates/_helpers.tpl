{{/* Of an object: (dict "root" $ "name" "nats") */}}
{{- define "backing.labels" -}}
app.kubernetes.io/name: {{ .name }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/part-of: weft-backing
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: backing-{{ .root.Chart.Version }}
{{- end }}

{{/* Given, or kept in the cluster, or made now; one for the whole of a render. */}}
{{- define "backing.seed" -}}
{{- if not .Values.seed }}
{{- $kept := dig "data" "seed" "" (lookup "v1" "Secret" .Release.Namespace "backing-seed") }}
{{- $_ := set .Values "seed" (ternary (b64dec $kept) (randAlphaNum 40) (ne $kept "")) }}
{{- end }}
{{- .Values.seed -}}
{{- end }}

{{/* Of somebody somewhere: (dict "root" $ "of" "postgresql/orders") */}}
{{- define "backing.password" -}}
{{- printf "%s/%s" (include "backing.seed" .root) .of | sha256sum | trunc 32 -}}
{{- end }}

{{/* Reached at its name: (dict "root" $ "name" "nats" "port" 4222) */}}
{{- define "backing.service" -}}
apiVersion: v1
kind: Service
metadata:
  name: {{ .name }}
  labels: {{- include "backing.labels" . | nindent 4 }}
spec:
  selector: { app.kubernetes.io/name: {{ .name }} }
  ports:
    - { name: tcp, port: {{ .port }}, targetPort: tcp, appProtocol: tcp }
{{- end }}
