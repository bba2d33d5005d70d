# A visitor of the shop: a client with a cookie jar of its own, that reads pages as a browser would.
# SPDX-License-Identifier: Apache-2.0
package Bookshop::Test::Visitor;
use strict;
use warnings;
use Mojo::Promise;
use Mojo::UserAgent;
use Mojo::UserAgent::CookieJar;

use constant LIMIT => 60;

# BASE is the shop's address without the slash at its end.
sub new {
    my ($class, $base) = @_;
    my $ua = Mojo::UserAgent->new(max_redirects => 0, request_timeout => LIMIT, inactivity_timeout => LIMIT, connect_timeout => LIMIT,
        max_response_size => 0);
    return bless { base => $base, ua => $ua }, $class;
}

sub base { return $_[0]{base} }
sub ua { return $_[0]{ua} }
sub cookies { return @{ $_[0]{ua}->cookie_jar->all } }

# The same visitor in another tab, or several at once: the cookies are shared.
sub twin {
    my ($self) = @_;
    my $twin = ref($self)->new($self->{base});
    $twin->{ua}->cookie_jar($self->{ua}->cookie_jar);
    return $twin;
}

sub address { my ($self, $path) = @_; return $path =~ m{^http} ? $path : $self->{base} . $path }

sub request {
    my ($self, $method, $path, @rest) = @_;
    return $self->{ua}->start($self->{ua}->build_tx($method => $self->address($path) => @rest))->result;
}
sub get { my ($self, @rest) = @_; return $self->request(GET => @rest) }
sub head { my ($self, @rest) = @_; return $self->request(HEAD => @rest) }

# All at once: [METHOD, PATH, ...] each; the answers in the same order.
sub together {
    my ($self, @requests) = @_;
    my @answers;
    my @promises = map {
        my ($method, $path, @rest) = @$_;
        $self->{ua}->start_p($self->{ua}->build_tx($method => $self->address($path) => @rest));
    } @requests;
    $self->{ua}->max_connections(scalar @requests);
    Mojo::Promise->all(@promises)->then(sub { @answers = map { $_->[0]->result } @_ })->catch(sub { die "together: $_[0]\n" })->wait;
    return @answers;
}

sub checkout { my ($self, $item, %header) = @_; return $self->get("/checkout?item=$item", \%header) }

# What the page's script would know: the form's data- attributes, camel case undone (data-cache-url -> cache_url).
sub form_of {
    my ($self, $answer) = @_;
    my $form = $answer->dom->at('#checkout-form') or return;
    my %form = map { my $name = $_; my $key = s/^data-//r =~ tr/-/_/r; $key => $form->attr($name) } grep {/^data-/} keys %{ $form->attr };
    $form{action} = $form->attr('action');
    return \%form;
}

# Opens the checkout of ITEM and answers its form; dies where there is none.
sub open_checkout {
    my ($self, $item) = @_;
    my $answer = $self->checkout($item);
    return $self->form_of($answer) // die "no form at /checkout?item=$item: " . $answer->code . "\n" . $answer->body . "\n";
}

# What the script sends before it lets Stripe take the payment; fields may be changed.
sub place {
    my ($self, $form, %change) = @_;
    my $headers = delete $change{headers} // {};
    my %fields = (csrf => $form->{csrf}, payment_intent => $form->{payment_intent}, amount => $form->{amount_minor}, email => 'reader@example.com', %change);
    delete @fields{ grep { !defined $fields{$_} } keys %fields };
    my %headers = (Accept => 'application/json', Origin => $self->origin, %$headers);
    delete @headers{ grep { !defined $headers{$_} } keys %headers };
    return $self->request(POST => $form->{cache_url}, \%headers, form => \%fields);
}

sub origin { return $_[0]{base} =~ m{^(http://[^/]+)} ? $1 : '' }

# The words of a page as one reads them.
sub words { my ($self, $answer) = @_; return $answer->dom->at('main')->all_text =~ s/\s+/ /gr }

1;
