{{- define "kinlog.name" -}}
{{ .Values.fullnameOverride | default .Release.Name | trunc 40 | trimSuffix "-" }}
{{- end }}

{{- define "kinlog.serviceAccount" -}}
{{ .Values.serviceAccount.name | default (include "kinlog.name" .) }}
{{- end }}

{{- define "kinlog.image" -}}
{{ .Values.image.repository }}
{{- if .Values.image.digest }}@{{ .Values.image.digest }}{{ else }}:{{ .Values.image.tag | default .Chart.AppVersion }}{{ end }}
{{- end }}

{{- define "kinlog.podMonitorLabels" -}}
{{- $pairs := list }}
{{- range $name, $value := .Values.metrics.podMonitor.labels }}
{{- $pairs = append $pairs (printf "%s=%s" $name $value) }}
{{- end }}
{{- join "," $pairs }}
{{- end }}
