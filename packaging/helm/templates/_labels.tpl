{{- define "fortnight.selector" -}}
app.kubernetes.io/name: fortnight
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "fortnight.labels" -}}
{{ include "fortnight.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}
