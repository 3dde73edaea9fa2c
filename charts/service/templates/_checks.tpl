{{/* Refuses values that are each allowed, and together are not. */}}
{{- define "service.checks" -}}
{{- $name := include "service.name" . -}}
{{- $scaler := .Values.autoscaling -}}
{{- if gt (int $scaler.min) (int $scaler.max) }}
{{- fail (printf "%s: autoscaling.min (%v) is more than autoscaling.max (%v)" $name $scaler.min $scaler.max) }}
{{- end -}}
{{- $stop := .Values.stop -}}
{{- if lt (int $stop.timeoutSeconds) (add $stop.drainSeconds 2 | int) }}
{{- fail (printf "%s: stop.timeoutSeconds (%v) has to be at least 2 more than stop.drainSeconds (%v): what has begun is finished after that" $name $stop.timeoutSeconds $stop.drainSeconds) }}
{{- end -}}
{{- with .Values.mesh.locality }}
{{- if and .failover .distribute }}
{{- fail (printf "%s: mesh.locality has failover or distribute, not both" $name) }}
{{- end -}}
{{- end -}}
{{- $methods := list -}}
{{- range (include "service.contract" . | fromYaml).grpc }}
{{- range .methods }}{{ $methods = append $methods .name }}{{ end -}}
{{- end -}}
{{- range .Values.faults }}
{{- range .methods }}
{{- if not (has . $methods) }}
{{- fail (printf "%s: faults name the method %s, which its contract does not have; it has %s" $name . (join ", " $methods)) }}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end }}
