{% if store %}
# from a registry
{% endif %}
ctr images pull --platform {{ oci }} {{ kernel }}
ctr images pull --platform {{ oci }} {{ modules }}
{% if store %}

# or, instead of these two, without a registry:
# skopeo copy {{ "oci:" ~ store ~ ":kernel-bin:" ~ tag }} {{ "oci-archive:kernel-bin.tar:" ~ kernel }}
# skopeo copy {{ "oci:" ~ store ~ ":kernel-modules:" ~ name }} {{ "oci-archive:kernel-modules.tar:" ~ modules }}
# ctr images import --platform {{ oci }} kernel-bin.tar
# ctr images import --platform {{ oci }} kernel-modules.tar

{% endif %}
ctr images ls {{ "name==" ~ kernel }} {{ "name==" ~ modules }}
mkdir -p {{ files }} modules
ctr images mount --platform {{ oci }} {{ kernel }} {{ files }}
ctr images mount --platform {{ oci }} {{ modules }} modules
