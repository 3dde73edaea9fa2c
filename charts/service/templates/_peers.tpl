{{/* Pods of services, by name. */}}
{{- define "service.peers" -}}
{{- range . }}
- podSelector: { matchLabels: { app.kubernetes.io/name: {{ . }} } }
{{- end }}
{{- end }}

{{/* One rule of egress: (dict "to" peers "port" 5432) */}}
{{- define "service.egress" -}}
- to: {{- toYaml .to | nindent 4 }}
  ports: [{ port: {{ .port }}, protocol: {{ .protocol | default "TCP" }} }]
{{- end }}
