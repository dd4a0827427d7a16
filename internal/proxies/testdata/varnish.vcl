vcl 4.1;
backend trillian {
    .host = "{{.BackendHost}}";
    .port = "{{.BackendPort}}";
    .first_byte_timeout = 1m;
}
sub vcl_recv {
    return (pass);
}
