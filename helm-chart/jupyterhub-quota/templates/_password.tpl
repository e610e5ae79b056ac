{{/*
The Secret that lets the hub and the usage page ask our Prometheus, as JSON: {data, rotation}. Made once, then read back from the cluster, so
that an upgrade changes nothing.

Three credentials are valid at any time: the one in use, the one before it and the next. So when it changes, neither side has to see the
change first: Prometheus already takes the next one from whoever is told early, and still takes the old one from whoever is told late.
*/}}
{{- define "jupyterhub-quota.password" -}}
{{- $name := printf "%s-prometheus" (include "jupyterhub-quota.name" .) -}}
{{- $rotation := .Values.prometheus.auth.rotation -}}
{{- $there := lookup "v1" "Secret" .Release.Namespace $name -}}
{{- if not $there -}}
{{- /* Every namespace has this ConfigMap. Only where it is missing, too, somebody without the right to look at namespaces is asked for it. */ -}}
{{- if not (or (lookup "v1" "ConfigMap" .Release.Namespace "kube-root-ca.crt") (lookup "v1" "Namespace" "" "default")) -}}
{{- fail (printf "\n\nprometheus.auth.existingSecret: is needed here. The chart cannot see the cluster (helm template, --dry-run=client, GitOps), so a password that it made would change each time. Make a Secret '%s' with the keys username, password and web.yml (docs/operations.md has the command), and write\n\n  prometheus: {auth: {existingSecret: %s}}\n" $name $name) -}}
{{- end -}}
{{- end -}}
{{- $old := dict -}}
{{- range $key, $value := ($there.data | default dict) -}}{{- $_ := set $old $key ($value | b64dec) -}}{{- end -}}
{{- $word := dig "metadata" "annotations" "jupyterhub-quota/rotation" "" $there -}}
{{- if and $old.username $old.password (index $old "web.yml") (or (not $rotation) (eq $rotation $word)) -}}
{{- dict "data" $old "rotation" $word | toJson -}}
{{- else -}}
{{- $next := dict "username" (index $old "next-username" | default (printf "quota-%s" (randAlphaNum 6 | lower))) "password" (index $old "next-password" | default (randAlphaNum 48)) -}}
{{- $after := dict "username" (printf "quota-%s" (randAlphaNum 6 | lower)) "password" (randAlphaNum 48) -}}
{{- $users := dict -}}
{{- $known := (index $old "web.yml" | default "" | fromYaml).basic_auth_users | default dict -}}
{{- range list $old.username $next.username -}}
{{- if and . (hasKey $known .) -}}{{- $_ := set $users . (get $known .) -}}{{- end -}}
{{- end -}}
{{- range list $next $after -}}
{{- if not (hasKey $users .username) -}}{{- $_ := set $users .username (htpasswd .username .password | trimPrefix (printf "%s:" .username)) -}}{{- end -}}
{{- end -}}
{{- dict "rotation" $rotation "data" (dict
    "username" $next.username
    "password" $next.password
    "next-username" $after.username
    "next-password" $after.password
    "web.yml" (dict "basic_auth_users" $users | toYaml)
  ) | toJson -}}
{{- end -}}
{{- end }}

{{/* Fail if a Secret that values name is not there or lacks a key, where that can be seen. Takes: (list name keys $) */}}
{{- define "jupyterhub-quota.existingSecret" -}}
{{- $name := index . 0 -}}
{{- $root := index . 2 -}}
{{- $there := lookup "v1" "Secret" $root.Release.Namespace $name -}}
{{- if $there -}}
{{- range index . 1 -}}
{{- if not (hasKey ($there.data | default dict) .) -}}
{{- fail (printf "\n\nprometheus.auth.existingSecret: the Secret '%s' has no key '%s'; docs/operations.md has the command that makes it\n" $name .) -}}
{{- end -}}
{{- end -}}
{{- else if lookup "v1" "ConfigMap" $root.Release.Namespace "kube-root-ca.crt" -}}
{{- fail (printf "\n\nprometheus.auth.existingSecret: there is no Secret '%s' in the namespace %s; docs/operations.md has the command that makes it\n" $name $root.Release.Namespace) -}}
{{- end -}}
{{- end }}
