{{/* Hosts and principals of the mesh. A principal is `<namespace>/<service account>`, or a service of this namespace. */}}
{{- define "mesh.principal" -}}
{{- $path := ternary .name (printf "%s/%s" .root.Release.Namespace .name) (contains "/" .name) -}}
{{- printf "%s/ns/%s/sa/%s" .root.Values.mesh.trustDomain (index (splitList "/" $path) 0) (index (splitList "/" $path) 1) -}}
{{- end }}

{{- define "mesh.host" -}}
{{- include "service.host" (dict "root" . "service" (include "service.name" .)) -}}
{{- end }}

{{/* One rule for the methods that the same callers may call: what the contract does not name is denied. */}}
{{- define "mesh.rules" -}}
{{- $root := . -}}
{{- $groups := dict -}}
{{- range (include "service.contract" . | fromYaml).grpc }}
{{- range .methods }}
{{- $callers := ternary (concat .callers $root.Values.mesh.edges) .callers .users | sortAlpha -}}
{{- if $callers }}
{{- $key := join " " $callers -}}
{{- $group := get $groups $key | default (dict "callers" $callers "paths" list) -}}
{{- $_ := set $groups $key (dict "callers" $callers "paths" (append $group.paths .path)) -}}
{{- end }}
{{- end }}
{{- end }}
{{- range $key := keys $groups | sortAlpha }}
{{- $group := get $groups $key }}
- from:
    - source:
        principals:
          {{- range $group.callers }}
          - {{ include "mesh.principal" (dict "root" $root "name" .) }}
          {{- end }}
  to:
    - operation:
        methods: [POST]
        ports: [{{ $root.Values.ports.grpc | quote }}]
        paths: {{- toYaml $group.paths | nindent 10 }}
{{- end }}
{{- end }}
