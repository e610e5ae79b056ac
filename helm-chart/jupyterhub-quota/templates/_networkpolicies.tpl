{{/* Names are looked up. */}}
{{- define "jupyterhub-quota.egressDns" -}}
- ports:
    - {protocol: UDP, port: 53}
    - {protocol: TCP, port: 53}
{{- end }}

{{/* Egress to a port anywhere, for an address that values give. Takes: an address or host:port */}}
{{- define "jupyterhub-quota.egressTo" -}}
{{- $address := toString . -}}
{{- $host := (urlParse (contains "://" $address | ternary $address (printf "http://%s" $address))).host -}}
{{- $port := regexFind `:[0-9]+$` $host | trimPrefix ":" | default (hasPrefix "https:" $address | ternary "443" "80") -}}
- ports:
    - {protocol: TCP, port: {{ $port }}}
{{- end }}
