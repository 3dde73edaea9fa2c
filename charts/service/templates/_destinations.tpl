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

{{/* Ways of an edge's HTTP, those with the canary's headers first: (dict "root" $ "name" "http" "port" 8080 "matches" (list …)) */}}
{{- define "mesh.http" -}}
{{- $canary := .root.Values.canary -}}
{{- $headers := dict -}}
{{- range $name, $value := $canary.match }}{{ $_ := set $headers $name (dict "exact" $value) }}{{ end -}}
{{- range $alone := ternary (list true false) (list false) (and $canary.enabled (gt (len $headers) 0)) }}
- name: {{ $.name }}
  match:
    {{- range $.matches }}
    - {{ ternary (merge (dict "headers" $headers) .) . $alone | toYaml | indent 6 | trim }}
    {{- end }}
  retries: { attempts: 0 }
  route: {{- include "mesh.destinations" (dict "root" $.root "canary" $alone "port" $.port) | trim | nindent 4 }}
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
