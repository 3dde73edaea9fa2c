{{/* Where calls go: (dict "root" $ "canary" true) to the canary alone, else as its weight says. */}}
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
    port: { number: {{ $.root.Values.ports.grpc }} }
  weight: {{ $share }}
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
