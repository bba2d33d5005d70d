# The REST pipeline: key, version, route, idempotency, contract, the operation, and the answer as Stripe words it.
# SPDX-License-Identifier: Apache-2.0
package Sandbox::Api;
use strict;
use warnings;
use Digest::MD5 qw(md5_hex);
use MIME::Base64 qw(decode_base64);
use Mojo::JSON qw(encode_json);
use Sandbox::Contract;
use Sandbox::Error;
use Sandbox::Form qw(parse_form);
use Sandbox::Ids qw(new_id);
use Sandbox::Resources qw(route_of expandable public_view);

use constant { DEFAULT_VERSION => Sandbox::Contract::CURRENT_VERSION, LONGEST_KEY => 255, DEEPEST_EXPANSION => 4 };

# objects whose parts stay in the version that they were made in, while some fields are counted anew
my %FROZEN = (event => 1);

sub new {
    my ($class, %given) = @_;
    return bless { %given, contracts => Sandbox::Contract->load_all($given{contract}) }, $class;
}

# A request is { method, path, query, body, content_type, authorization, version, idempotency_key, origin }. A call is taken up with
# `begin`, done with `run`, which answers { status, body, headers }, and given up with `end`: while it is under way its
# idempotency key is taken.
sub begin {
    my ($self, $request) = @_;
    my $call = { request => $request, id => new_id('request'), now => time, access => 'secret' };
    $call->{answer} = $self->guard($call, sub { $self->prepare($call) });
    return $call;
}

sub run {
    my ($self, $call) = @_;
    return $call->{answer} //= $self->guard($call, sub { $self->execute($call) });
}

sub end {
    my ($self, $call) = @_;
    $self->{ledger}->release_key(delete $call->{taken}) if defined $call->{taken};
    return;
}

# Answers instead of `run`, without doing anything; kept under the idempotency key if asked to.
sub pretend {
    my ($self, $call, $status, $body, $headers, $store) = @_;
    $self->remember($call, $status, $body) if $store;
    $self->{ledger}->commit;
    return $call->{answer} = { status => $status, body => $body, headers => { %{ headers_of($call) }, %{ $headers // {} } } };
}

# What the code answers, or the error that it throws.
sub guard {
    my ($self, $call, $code) = @_;
    my $answer = eval {
        my $made = $code->();
        $self->{ledger}->commit;
        { answer => $made };
    };
    return $answer->{answer} if $answer;
    my $error = $@;
    if (!ref $error) {
        warn "sandbox: $error";
        $self->{ledger}->rollback;
        $error = Sandbox::Error->new(broken => 'An unknown error occurred');
    }
    $self->{ledger}->rollback if !$error->keep;
    my $body = $self->error_body($call, $error);
    $self->remember($call, $error->status, $body) if $call->{executing};
    $self->{ledger}->commit;
    return $self->answer($call, $error->status, $body);
}

sub headers_of {
    my ($call) = @_;
    my $key = $call->{request}{idempotency_key};
    return {
        'Content-Type'   => 'application/json',
        'Cache-Control'  => 'no-cache, no-store',
        'Request-Id'     => $call->{id},
        'Stripe-Version' => $call->{version} // DEFAULT_VERSION,
        'Access-Control-Allow-Origin'   => '*',
        'Access-Control-Expose-Headers' => 'Request-Id, Stripe-Should-Retry',
        (defined $key ? ('Idempotency-Key' => $key =~ tr/\x20-\x7e//cdr) : ()),
    };
}

sub answer {
    my ($self, $call, $status, $body, %headers) = @_;
    return { status => $status, body => $body, headers => { %{ headers_of($call) }, %headers } };
}

sub error_body {
    my ($self, $call, $error) = @_;
    my %fields = %{ $error->fields };
    $fields{request_log_url} = "https://dashboard.stripe.com/test/logs/$call->{id}?t=$call->{now}";
    $fields{payment_intent} = $self->view($call, $fields{payment_intent}) if $fields{payment_intent};
    return encode_json({ error => \%fields });
}

sub prepare {
    my ($self, $call) = @_;
    my $request = $call->{request};
    $call->{params} = { %{ parse_hash($request->{query}) }, %{ parse_hash($request->{body}) } };
    $self->authenticate($call);
    $call->{version} = delete $call->{params}{_stripe_version} // $request->{version} // DEFAULT_VERSION;
    $call->{contract} = $self->{contracts}{ $call->{version} }
        // Sandbox::Error->throw(bad_version => "Invalid Stripe API version: $call->{version}");
    my ($route, $id) = route_of(@$request{qw(method path)});
    Sandbox::Error->throw(no_route => "Unrecognized request URL ($request->{method}: $request->{path}). Please see "
            . 'https://stripe.com/docs or we can help at https://support.stripe.com/.') if !$route;
    @$call{qw(route object_id)} = ($route, $id);
    Sandbox::Error->throw(invalid => 'Invalid request (check that your POST content type is application/x-www-form-urlencoded). If you '
            . 'have any questions, we can help at https://support.stripe.com/.')
        if $request->{body} ne '' and ($request->{content_type} // '') !~ m{\Aapplication/x-www-form-urlencoded\b}i;
    Sandbox::Error->throw(secret_key => 'This API call cannot be made with a publishable API key. Please use a secret API key. '
            . 'You can find a list of your API keys at https://dashboard.stripe.com/account/apikeys.')
        if $call->{access} eq 'public' and !$route->{public};
    return $self->take_key($call) if defined $request->{idempotency_key} and $request->{method} eq 'POST';
    return;
}

sub parse_hash {
    my $params = parse_form($_[0]);
    return ref $params eq 'HASH' ? $params : { map { $_ => $params->[$_] } 0 .. $#$params };
}

sub authenticate {
    my ($self, $call) = @_;
    my ($scheme, $given) = ($call->{request}{authorization} // '') =~ /\A(Bearer|Basic)\s+(\S+)\s*\z/i;
    my $key = !defined $scheme ? undef : lc $scheme eq 'basic' ? (split /:/, decode_base64($given))[0] : $given;
    $key = delete $call->{params}{key} // $key if !defined $key;
    delete $call->{params}{key};
    Sandbox::Error->throw(no_key => 'You did not provide an API key. You need to provide your API key in the Authorization header, '
            . "using Bearer auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY'). See https://stripe.com/docs/api#authentication for "
            . 'details, or we can help at https://support.stripe.com/.') if !defined $key or $key eq '';
    return if $key eq $self->{secret_key};
    Sandbox::Error->throw(wrong_key => 'Invalid API Key provided: ' . masked($key)) if $key ne $self->{publishable_key};
    $call->{access} = 'public';
    return;
}

sub masked {
    my ($key) = @_;
    my ($prefix, $rest) = $key =~ /\A((?:[a-z]+_){0,2})(.*)\z/s;
    my $stars = length $rest > 4 ? length($rest) - 4 : 0;
    return $prefix . '*' x $stars . substr $rest, $stars;
}

sub take_key {
    my ($self, $call) = @_;
    my $request = $call->{request};
    my $key     = $request->{idempotency_key};
    Sandbox::Error->throw(idempotency => 'The Idempotency-Key header must not be longer than ' . LONGEST_KEY . ' characters.')
        if length $key > LONGEST_KEY;
    $call->{fingerprint} = md5_hex(join '&', sort split /&/, $request->{body} // '');
    my $known = $self->{ledger}->find_key($key);
    return $self->replay($call, $known) if $known;
    Sandbox::Error->throw(key_in_use => 'There is currently another in-progress request using this idempotent key (that probably means '
            . "you submitted twice, and the other request is still going through): $key. Please try again later.")
        if !$self->{ledger}->take_key($key);
    $call->{taken} = $key;
    return;
}

sub replay {
    my ($self, $call, $known) = @_;
    my $request = $call->{request};
    my $advice  = "Try using a key other than '$known->{key}' if you meant to execute a different request.";
    Sandbox::Error->throw(idempotency => 'Keys for idempotent requests can only be used for the same endpoint they were first used for '
            . "('$request->{path}' vs '$known->{path}'). $advice") if $known->{path} ne $request->{path};
    Sandbox::Error->throw(idempotency => 'Keys for idempotent requests can only be used with the same parameters they were first used '
            . "with. $advice") if $known->{fingerprint} ne $call->{fingerprint};
    $call->{replayed} = 1;
    return $self->answer($call, $known->{status}, $known->{body},
        'Idempotent-Replayed' => 'true', 'Original-Request' => $known->{request});
}

sub remember {
    my ($self, $call, $status, $body) = @_;
    return if !defined $call->{taken};
    $self->{ledger}->save_key({
        key => $call->{taken}, path => $call->{request}{path}, fingerprint => $call->{fingerprint},
        status => $status, body => $body, request => $call->{id}, created => $call->{now},
    });
    return;
}

sub execute {
    my ($self, $call) = @_;
    my ($route, $params) = @$call{qw(route params)};
    my $browser = $call->{access} eq 'public' ? ' (browser)' : '';
    $params = $call->{contract}->check($route->{operation} . $browser, $params) if defined $route->{operation};
    $call->{executing} = 1;
    my %context = (
        ledger => $self->{ledger}, now => $call->{now}, access => $call->{access}, origin => $call->{request}{origin},
        version => $call->{version}, request => { id => $call->{id}, idempotency_key => $call->{request}{idempotency_key} },
    );
    my $object = $route->{code}->(\%context, $params, $call->{object_id});
    my $body   = $self->render($call, $object, $params->{expand});
    $self->remember($call, 200, $body);
    return $self->answer($call, 200, $body);
}

# The object's text: as the ledger has it where nothing is to be added or hidden.
sub render {
    my ($self, $call, $object, $expand) = @_;
    my $as_stored = $call->{access} eq 'secret' && !$expand && $call->{version} eq DEFAULT_VERSION && $object->{id} && !$FROZEN{ $object->{object} };
    my $text = $as_stored ? $self->{ledger}->text_of($object->{id}) : undef;
    return $text if defined $text;
    $self->expand($object, $_, $_, 0) for @{ $expand // [] };
    return encode_json($self->view($call, $object));
}

# What the caller may see, in the version that it speaks.
sub view {
    my ($self, $call, $object) = @_;
    return [map { $self->view($call, $_) } @$object] if ref $object eq 'ARRAY';
    return $object if ref $object ne 'HASH';
    my $shown = $call->{access} eq 'public' ? public_view($object) : $object;
    my $kind  = $object->{object} // '';
    my $known = $call->{contract} ? $call->{contract}->fields_of($kind) : undef;
    my %view  = map { $_ => $FROZEN{$kind} ? $shown->{$_} : $self->view($call, $shown->{$_}) } grep { $_ ne '_' and !$known || $known->{$_} } keys %$shown;
    return \%view;
}

# expand[]=latest_charge, expand[]=data.latest_charge.payment_intent
sub expand {
    my ($self, $object, $path, $whole, $depth) = @_;
    my ($field, $rest) = split /\./, $path, 2;
    Sandbox::Error->throw(invalid => 'You cannot expand more than ' . DEEPEST_EXPANSION . ' levels of a property. Property: ' . $whole,
        param => 'expand') if $depth >= DEEPEST_EXPANSION;
    if (($object->{object} // '') eq 'list' and $field eq 'data' and defined $rest) {
        $self->expand($_, $rest, $whole, $depth + 1) for @{ $object->{data} };
        return;
    }
    my $kind = expandable($object->{object}, $field)
        // Sandbox::Error->throw(invalid => "This property cannot be expanded ($whole).", param => 'expand');
    $object->{$field} = $self->{ledger}->find($kind => $object->{$field}) if defined $object->{$field} and !ref $object->{$field};
    $self->expand($object->{$field}, $rest, $whole, $depth + 1) if defined $rest and ref $object->{$field};
    return;
}

1;
