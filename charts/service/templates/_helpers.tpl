{{- define "service.name" -}}
{{- .Values.name | default .Chart.Name -}}
{{- end }}

{{/* Of a track: (dict "root" $ "track" "stable"). A canary has an image of its own. */}}
{{- define "service.image" -}}
{{- $image := .root.Values.image -}}
{{- $of := ternary .root.Values.canary.image $image (eq .track "canary") -}}
{{- $name := printf "%s/%s" $image.repository (include "service.name" .root) -}}
{{- if $of.digest }}{{ $name }}@{{ $of.digest }}{{ else }}{{ $name }}:{{ include "service.version" . }}{{ end -}}
{{- end }}

{{/* What metrics and labels call the version of a track. */}}
{{- define "service.version" -}}
{{- $image := ternary .root.Values.canary.image .root.Values.image (eq .track "canary") -}}
{{- if eq $image.tag "latest" }}{{ fail (printf "%s: image.tag must not be latest: it does not say what runs" (include "service.name" .root)) }}{{ end -}}
{{- $image.tag | default (trunc 19 $image.digest | replace ":" "-") | default .root.Chart.AppVersion -}}
{{- end }}

{{/* Of every object of a service. */}}
{{- define "service.labels" -}}
{{ include "service.selector" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/part-of: weft
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: service-{{ .Chart.Version }}
{{- end }}

{{/* Every pod of a service, whatever its track. */}}
{{- define "service.selector" -}}
app.kubernetes.io/name: {{ include "service.name" . }}
{{- end }}

{{/* The Deployment of a track is the service's name, for a canary with the track after it. */}}
{{- define "service.fullname" -}}
{{- include "service.name" .root }}{{ if ne .track "stable" }}-{{ .track }}{{ end -}}
{{- end }}

{{/* What the contract says of this service, from files/mesh: who calls it, and whom it calls. */}}
{{- define "service.contract" -}}
{{- $name := include "service.name" . -}}
{{- required (printf "name: the contracts have no service %q" $name) (.Files.Get (printf "files/mesh/%s.yaml" $name)) -}}
{{- end }}

{{/* Host of another service in this namespace, by its name: (dict "root" $ "service" "orders"). */}}
{{- define "service.host" -}}
{{- printf "%s.%s.svc.%s" .service .root.Release.Namespace .root.Values.mesh.clusterDomain -}}
{{- end }}

{{/* Of a call that the service answered, its own access line and its audit tell. Of an edge only paths of the contracts: others are whatever a client wrote. */}}
{{- define "service.deniedByProxy" -}}
{{- if (include "service.own" . | fromJson).http }}request.url_path.startsWith('/weft.') && {{ end }}(response.flags != 0 || (response.code_details != 'via_upstream' && (response.code == 401 || response.code == 403 || response.grpc_status == 7 || response.grpc_status == 16)))
{{- end }}
