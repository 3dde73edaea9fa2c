{{/*
What is of one service and not of all: files/services has it by name, so that a release alone and charts/weft read the same;
values come before it. As JSON: {uses, http, probe, secrets, settings}, the settings without those of values.
*/}}
{{- define "service.own" -}}
{{- $values := .Values -}}
{{- $file := .Files.Get (printf "files/services/%s.yaml" (include "service.name" .)) | fromYaml -}}
{{- $uses := dict "database" true "bus" true "cache" false -}}
{{- range $said := list ($file.uses | default dict) $values.uses -}}
{{- range $what, $is := $said }}{{ $_ := set $uses $what $is }}{{ end -}}
{{- end -}}
{{- $http := dig "ports" "http" 0 $file -}}
{{- if hasKey $values.ports "http" }}{{ $http = $values.ports.http }}{{ end -}}
{{- dict
  "uses" $uses
  "http" $http
  "probe" ($values.probe | default $file.probe | default "grpc")
  "secrets" (concat ($file.secrets | default list) $values.secrets | uniq)
  "settings" ($file.settings | default dict)
| toJson -}}
{{- end }}
