{{/*
Routes of a host, one a method and a variant of it. (dict "root" $ "users" true) leaves out what end users may not call, and what
every service serves: its path says nothing of whom is meant.
Retries, timeouts, canary and faults of a method are composed here and nowhere else: of two objects for a host one is ignored.
*/}}
{{- define "mesh.routes" -}}
{{- range (include "service.contract" .root | fromYaml).grpc }}
{{- $shared := .shared }}
{{- range .methods }}
{{- if or (not $.users) (and .users (not $shared)) }}
{{- $method := . }}
{{- range include "mesh.variants" (dict "root" $.root "method" .) | fromYamlArray }}
{{- include "mesh.route" (dict "root" $.root "method" $method "variant" . "users" $.users) }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}

{{/* A method's ways, narrow ones first: by the headers of a fault and of the canary, then without. The first that fits is taken. */}}
{{- define "mesh.variants" -}}
{{- $variants := list -}}
{{- $plain := dict -}}
{{- $canary := .root.Values.canary -}}
{{- range .root.Values.faults }}
{{- if or (not .methods) (has $.method.name .methods) }}
{{- if .headers }}{{ $variants = append $variants . }}{{ else if not $plain }}{{ $plain = . }}{{ end }}
{{- end }}
{{- end }}
{{- range append $variants $plain }}
{{- if and $canary.enabled $canary.match }}
- {{ dict "fault" . "headers" (merge (dict) (.headers | default dict) $canary.match) "canary" true | toJson }}
{{- end }}
- {{ dict "fault" . "headers" (.headers | default dict) "canary" false | toJson }}
{{- end }}
{{- end }}

{{/* The content types of gRPC. Connect and gRPC-Web have the same paths, and are for the edge. */}}
{{- define "mesh.grpc" -}}
application/grpc([+;].*)?
{{- end }}

{{- define "mesh.route" -}}
{{- $mesh := .root.Values.mesh -}}
{{- $timeout := printf "%dms" (add .method.timeoutMs $mesh.timeoutSlackMs) }}
- name: {{ .method.name }}
  match:
    - uri: { exact: {{ .method.path }} }
      {{- if or .users .variant.headers }}
      headers:
        {{- if .users }}
        content-type: { regex: {{ include "mesh.grpc" . | squote }} }
        {{- end }}
        {{- range $name, $value := .variant.headers }}
        {{ $name }}: { exact: {{ $value | quote }} }
        {{- end }}
      {{- end }}
  {{- if .method.timeoutMs }}
  timeout: {{ $timeout }}
  {{- end }}
  retries:
    attempts: {{ .method.retries }}
    {{- if .method.retries }}
    perTryTimeout: {{ $timeout }}
    retryOn: {{ $mesh.retryOn }}
    {{- end }}
  {{- with include "mesh.fault" .variant.fault | trim }}
  {{- . | nindent 2 }}
  {{- end }}
  route: {{- include "mesh.destinations" (dict "root" .root "canary" .variant.canary) | trim | nindent 4 }}
{{- end }}
