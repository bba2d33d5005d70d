# Faults that a test orders for the API's next requests: delays, dropped connections, wrong, cut off and slow answers, kills.
# SPDX-License-Identifier: Apache-2.0
package Sandbox::Faults;
use Mojo::Base -base, -signatures;
use Mojo::IOLoop;
use Mojo::JSON qw(decode_json encode_json false);
use Mojo::Util qw(encode);
use Sandbox::Error;

# Each kind gets (application, transaction, call, fault).
my %KIND = (
    delay        => \&delay,
    hold         => \&hold,
    kill         => \&kill_peer,
    drop_before  => \&drop_before,
    drop_after   => \&drop_after,
    truncate     => \&cut,
    trickle      => \&trickle,
    huge         => \&huge,
    status       => \&status,
    wrong_object => \&wrong_object,
    alter        => \&alter,
);

has list   => sub { [] };
has held   => sub { {} };
has number => 0;

# match => { method, access (secret or public), path (a regular expression), body (another) }, times (default 1, 0 for always), kind, and what the kind wants
sub add ($self, $fault) {
    die "no fault is called " . ($fault->{kind} // '(nothing)') . ': there are ' . join(', ', sort keys %KIND) . "\n"
        if !$KIND{ $fault->{kind} // '' };
    my $match = $fault->{match} // {};
    my %pattern = map { $_ => eval { qr/$match->{$_}/ } // die "match.$_ is no regular expression\n" } grep { defined $match->{$_} } qw(path body);
    $self->number($self->number + 1);
    my $made = { times => 1, %$fault, id => $self->number, taken => 0, pattern => \%pattern };
    push @{ $self->list }, $made;
    return $made;
}

sub shown ($self) {
    return [map { my %fault = %$_; delete $fault{pattern}; \%fault } @{ $self->list }];
}

sub clear ($self, $id = undef) {
    $self->list(defined $id ? [grep { $_->{id} ne $id } @{ $self->list }] : []);
    $self->release if !defined $id;
    return;
}

# The first fault that fits the request, and is not used up.
sub take ($self, $call) {
    my $request = $call->{request};
    for my $fault (@{ $self->list }) {
        next if $fault->{times} and $fault->{taken} >= $fault->{times};
        my ($method, $access) = @{ $fault->{match} // {} }{qw(method access)};
        next if defined $method and uc $method ne $request->{method};
        next if defined $access and $access ne $call->{access};
        next if grep { ($request->{$_} // '') !~ $fault->{pattern}{$_} } keys %{ $fault->{pattern} };
        $fault->{taken}++;
        return $fault;
    }
    return;
}

sub serve ($self, $app, $tx, $call, $fault) {
    $call->{entry}{fault} = $fault->{kind};
    return $KIND{ $fault->{kind} }->($self, $app, $tx, $call, $fault);
}

# Waits before it executes (phase "before", the default), or between executing and answering ("after").
sub wait_then ($app, $tx, $call, $fault, $wait, $default_phase) {
    my $answer = ($fault->{phase} // $default_phase) eq 'after' ? $app->finish($call) : undef;
    $wait->(sub { Sandbox::App::reply($tx, $answer // $app->finish($call)) });
    return;
}

sub delay ($self, $app, $tx, $call, $fault) {
    return wait_then($app, $tx, $call, $fault, sub ($go_on) { Mojo::IOLoop->timer(($fault->{ms} // 1000) / 1000, $go_on) }, 'before');
}

# Until POST /_sandbox/release
sub hold ($self, $app, $tx, $call, $fault) {
    return wait_then($app, $tx, $call, $fault, sub ($go_on) { push @{ $self->held->{ $fault->{name} // 'held' } }, $go_on }, 'before');
}

# Lets the held requests of that name go on, or all; the number of them.
sub release ($self, $name = undef) {
    my @waiting = map { @{ delete $self->held->{$_} // [] } } defined $name ? $name : sort keys %{ $self->held };
    $_->() for @waiting;
    return scalar @waiting;
}

sub holding ($self) { return { map { $_ => scalar @{ $self->held->{$_} } } keys %{ $self->held } } }

# Kills the process with the given pid while its request is here, by default after executing it.
sub kill_peer ($self, $app, $tx, $call, $fault) {
    return wait_then($app, $tx, $call, $fault, sub ($go_on) {
        $call->{entry}{killed} = kill('KILL', $fault->{pid}) ? $fault->{pid} : 0;
        $go_on->();
    }, 'after');
}

sub hang_up ($app, $tx, $call) {
    $app->api->end($call);
    $call->{entry}{dropped} = 1;
    $app->requests->close($call, undef);
    my $stream = $app->stream_of($tx) or return;
    $stream->close;
    return;
}

sub drop_before ($self, $app, $tx, $call, $fault) { return hang_up($app, $tx, $call) }

sub drop_after ($self, $app, $tx, $call, $fault) {
    $app->finish($call);
    return hang_up($app, $tx, $call);
}

# The answer's bytes as they would go over the wire.
sub wire ($tx, $answer) {
    my $response = $tx->res;
    $response->code($answer->{status});
    $response->headers->header($_ => $answer->{headers}{$_}) for keys %{ $answer->{headers} };
    $response->headers->content_length(length $answer->{body})->connection('close');
    return ($response->build_start_line . $response->build_headers, $answer->{body});
}

# Half of the body, or as many bytes as `bytes` says, under the Content-Length of all of it.
sub cut ($self, $app, $tx, $call, $fault) {
    my ($head, $body) = wire($tx, $app->finish($call));
    $call->{entry}{dropped} = 1;
    my $stream = $app->stream_of($tx) or return;
    $stream->write($head . substr($body, 0, $fault->{bytes} // int(length($body) / 2)) => sub ($stream) { $stream->close_gracefully });
    return;
}

# `bytes` (1) every `ms` (1000)
sub trickle ($self, $app, $tx, $call, $fault) {
    my ($head, $body) = wire($tx, $app->finish($call));
    my $rest   = $head . $body;
    my $stream = $app->stream_of($tx) or return;
    $stream->timeout(0);
    my $timer = Mojo::IOLoop->recurring(($fault->{ms} // 1000) / 1000 => sub ($loop) {
        $stream->write(substr $rest, 0, $fault->{bytes} // 1, '');
        return if $rest ne '';
        $stream->write('' => sub ($stream) { $stream->close_gracefully });
    });
    $stream->on(close => sub { Mojo::IOLoop->remove($timer) });
    return;
}

use constant HUGE => 10 * 1024 * 1024;

# A proper answer that is 10 MB long, or `bytes`
sub huge ($self, $app, $tx, $call, $fault) {
    my $answer = $app->finish($call);
    my $body   = $answer->{body} =~ s/\}\s*\z//r;
    $body .= ',"padding":"' . 'x' x ($fault->{bytes} // HUGE) . '"}';
    return Sandbox::App::reply($tx, { %$answer, body => $body });
}

# status -> the error that Stripe would send with it
my %STATUS = (
    400 => [invalid      => 'Invalid request.'],
    401 => [wrong_key    => 'Invalid API Key provided: sk_test_*******dbox'],
    409 => [key_in_use   => 'There is currently another in-progress request using this idempotent key. Please try again later.'],
    429 => [rate_limit   => 'Too many requests hit the API too quickly. We recommend an exponential backoff of your requests.'],
    500 => [broken       => 'An unknown error occurred'],
    502 => [broken       => 'Bad gateway'],
    503 => [broken       => 'Stripe is currently unavailable'],
    504 => [broken       => 'Gateway timeout'],
);
my %CODE = (
    lock_timeout => 'This object cannot be accessed right now because another API request or Stripe process is currently accessing it. '
        . 'If you see this error intermittently, retry the request. If you see this error frequently and are making multiple concurrent '
        . 'requests to a single object, make your requests serially or at a lower rate.',
    rate_limit   => $STATUS{429}[1],
);

# status, and as wanted: code (lock_timeout, rate_limit), body (text, or data for JSON), content_type, headers, should_retry,
# execute (do it all the same), store (keep the answer under the idempotency key, as Stripe keeps a 500)
sub status ($self, $app, $tx, $call, $fault) {
    my $status = $fault->{status} // 500;
    my $code   = $fault->{code};
    my ($kind, $message) = defined $code && $CODE{$code} ? ($code, $CODE{$code}) : @{ $STATUS{$status} // $STATUS{500} };
    my $given  = $fault->{body};
    my $body =
          !defined $given ? $app->api->error_body($call, Sandbox::Error->new($kind => $message))
        : ref $given      ? encode_json($given)
        :                   encode('UTF-8', $given);
    my %headers = %{ $fault->{headers} // {} };
    $headers{'Stripe-Should-Retry'} = $fault->{should_retry} ? 'true' : 'false' if defined $fault->{should_retry};
    $headers{'Content-Type'} = $fault->{content_type} // 'text/html' if defined $given && !ref $given;
    $app->api->run($call) if $fault->{execute};
    my $answer = $app->api->pretend($call, $status, $body, \%headers, $fault->{store});
    $app->finish($call);
    return Sandbox::App::reply($tx, $answer);
}

# Executes, and answers with another object: `body`, or a customer that nobody asked for.
sub wrong_object ($self, $app, $tx, $call, $fault) {
    my $answer = $app->finish($call);
    my $body   = $fault->{body} // { id => 'cus_Sandbox', object => 'customer', livemode => false };
    return Sandbox::App::reply($tx, { %$answer, body => ref $body ? encode_json($body) : $body });
}

# Executes, and answers with some fields changed: set => { amount => 1, "metadata.order" => "X" }; null stays null.
# `unset` lists fields to leave out. The ledger keeps the truth.
sub alter ($self, $app, $tx, $call, $fault) {
    my $answer = $app->finish($call);
    my $object = decode_json($answer->{body});
    change($object, $fault);
    return Sandbox::App::reply($tx, { %$answer, body => encode_json($object) });
}

sub change ($object, $order) {
    my $set = $order->{set} // {};
    for my $path (sort keys %$set) {
        my ($place, $name) = place_of($object, $path);
        $place->{$name} = $set->{$path};
    }
    for my $path (@{ $order->{unset} // [] }) {
        my ($place, $name) = place_of($object, $path);
        delete $place->{$name};
    }
    return;
}

sub place_of ($object, $path) {
    my @steps = split /\./, $path;
    my $name  = pop @steps;
    for my $step (@steps) {
        $object->{$step} = {} if ref $object->{$step} ne 'HASH';
        $object = $object->{$step};
    }
    return ($object, $name);
}

1;
