{{/* Where calls go: (dict "root" $ "canary" true) to the canary alone, else as its weight says; at "port", or at that of gRPC. */}}
{{- define "mesh.destinations" -}}
{{- $canary := .root.Values.canary -}}
{{- $weight := ternary (int $canary.weight) 0 $canary.enabled -}}
{{- if .canary }}{{ $weight = 100 }}{{ end -}}
{{- range $track := list "stable" "canary" }}
{{- $share := ternary $weight (sub 100 $weight) (eq $track "canary") }}
{{- if $share }}
- destination:
    host: {{ include "mesh.host" $.root }}
    subset: {{ $track }}
    port: { number: {{ $.port | default $.root.Values.ports.grpc }} }
  weight: {{ $share }}
{{- end }}
{{- end }}
{{- end }}

{{/* Ways of an edge's HTTP, reads and those with the canary's headers first: (dict "root" $ "name" "http" "port" 8080 "matches" (list …)) */}}
{{- define "mesh.http" -}}
{{- $canary := .root.Values.canary -}}
{{- $headers := dict -}}
{{- range $name, $value := $canary.match }}{{ $_ := set $headers $name (dict "exact" $value) }}{{ end -}}
{{- /* What only reads may be asked of another pod: a pod that has just started, or ends, may have refused it. */ -}}
{{- range $reads := ternary (list true false) (list false) (hasKey . "port") }}
{{- range $alone := ternary (list true false) (list false) (and $canary.enabled (gt (len $headers) 0)) }}
- name: {{ $.name }}{{ if $reads }}-reads{{ end }}
  match:
    {{- range $.matches }}
    {{- $match := merge (ternary (dict "headers" (deepCopy $headers)) (dict) $alone) . }}
    {{- if $reads }}{{ $_ := set $match "method" (dict "regex" "GET|HEAD") }}{{ end }}
    - {{ $match | toYaml | indent 6 | trim }}
    {{- end }}
  {{- if $reads }}
  retries: { attempts: 2, retryOn: {{ $.root.Values.mesh.retryReadsOn | quote }} }
  {{- else }}
  retries: { attempts: 0 }
  {{- end }}
  route: {{- include "mesh.destinations" (dict "root" $.root "canary" $alone "port" $.port) | trim | nindent 4 }}
{{- end }}
{{- end }}
{{- end }}

{{/* A fault of the values as Istio writes it; nothing for an empty one. */}}
{{- define "mesh.fault" -}}
{{- if or .delay .abort }}
fault:
  {{- with .delay }}
  delay:
    fixedDelay: {{ int .ms }}ms
    percentage: { value: {{ .percent }} }
  {{- end }}
  {{- with .abort }}
  abort:
    grpcStatus: {{ .code }}
    percentage: { value: {{ .percent }} }
  {{- end }}
{{- end }}
{{- end }}
