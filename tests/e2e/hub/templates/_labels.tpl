{{- define "jupyterhub.labels" -}}
app: jupyterhub
app.kubernetes.io/name: jupyterhub
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
component: {{ .component }}
release: {{ .root.Release.Name }}
{{- end }}

{{- define "jupyterhub.match" -}}
app: jupyterhub
component: {{ .component }}
release: {{ .root.Release.Name }}
{{- end }}
