-- The role that analysts' logins are members of. Whoever may not make roles goes on without: an administrator can make it later.
do $$
begin
  create role emberlog_analyst nologin;
  alter role emberlog_analyst set default_transaction_read_only = on;
exception
  when duplicate_object or unique_violation or insufficient_privilege then null;
end
$$;
